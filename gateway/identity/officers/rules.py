"""Whose word a node takes for which officer acts: the section ``[officers]`` of ``config.toml``."""

from enum import StrEnum
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gateway.errors import Malformed
from gateway.identity.access.access import METHOD_ROLES, Role
from gateway.identity.names import ClientId

MAX_ISSUERS = 16


class Algorithm(StrEnum):
    """How a token may be signed (RFC 7518, RFC 8037): always with a key that only its issuer has."""

    ES256 = "ES256"
    ES384 = "ES384"
    ES512 = "ES512"
    PS256 = "PS256"
    PS384 = "PS384"
    PS512 = "PS512"
    RS256 = "RS256"
    RS384 = "RS384"
    RS512 = "RS512"
    EDDSA = "EdDSA"


def _https(value: str) -> str:
    try:
        url = urlsplit(value)
        fits = url.scheme == "https" and url.hostname and url.port != 0 and url.username is None
    except ValueError:
        fits = False
    if not fits or "#" in value or not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("must be an https URL without user or fragment")
    return value


def _keys_place(value: str) -> str:
    return _https(value) if "://" in value else value


def _system(value: str) -> str:
    try:
        return str(ClientId.parse(value))
    except Malformed as error:
        raise ValueError(f"must name a client: {error.message}") from error


Claim = Annotated[str, Field(min_length=1, max_length=255)]


class IssuerRules(BaseModel):
    """An issuer of tokens (OpenID Connect), such as an authority's own sign-in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: Annotated[str, AfterValidator(_https)] = Field(
        max_length=255, description="Its https URL, letter for letter as its tokens name it (`iss`)."
    )
    audience: str = Field(min_length=1, max_length=255, description="What its tokens must be for (`aud`).")
    jwks: Annotated[str, AfterValidator(_keys_place)] = Field(
        min_length=1, max_length=2048, description="Its keys (a JWK set): a file in the home, or an https URL."
    )
    ca: str = Field(
        "", max_length=255, description="Root of the server at that URL, a PEM file in the home; empty: the system's."
    )
    algorithms: tuple[Algorithm, ...] = Field(
        (Algorithm.ES256, Algorithm.EDDSA, Algorithm.PS256, Algorithm.RS256),
        min_length=1,
        description=f"How its tokens may be signed, of {', '.join(Algorithm)}.",
    )
    subject_claim: Claim = Field("sub", description="The claim that names the officer.")
    roles_claim: Claim = Field(
        "roles",
        description="The claim with the officer's roles, a list; dots lead into objects (`realm_access.roles`).",
    )
    role_names: dict[str, Role] = Field(
        {}, description="What the issuer calls the roles, each with ours; empty: as they are called here."
    )
    system_claim: str = Field(
        "",
        max_length=255,
        description="The claim (`azp`) that must name the system that calls, so that no other one can use the token; "
        "empty: it is not asked.",
    )
    systems: dict[str, Annotated[str, AfterValidator(_system)]] = Field(
        {}, description="What the issuer calls the systems, each with its SPIFFE ID; empty: by their SPIFFE ID."
    )


class OfficerRules(BaseModel):
    """The officers for whom back-office systems act; docs/access.md tells how a system names one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuers: tuple[IssuerRules, ...] = Field(
        (), max_length=MAX_ISSUERS, description="Whose tokens are taken, each a table of its own; none: no token is."
    )
    require_person: tuple[str, ...] = Field(
        (),
        max_length=100,
        description="Roles (`approver`) and methods (`NoticeService/WithdrawNotice`) that need an officer: no system "
        "has them by itself.",
    )
    leeway_seconds: int = Field(30, ge=0, le=300, description="By how much an issuer's clock may differ.")
    max_age_seconds: int = Field(
        3600, ge=10, le=86_400, description="How long a token is taken after it was issued, however long it is valid."
    )
    refresh_seconds: int = Field(
        300, ge=5, le=86_400, description="After so long keys are fetched again from their URL."
    )
    keep_seconds: int = Field(
        43_200,
        ge=5,
        le=604_800,
        description="How long fetched keys stay in force while they cannot be fetched again.",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        names = [each.issuer for each in self.issuers]
        if len(set(names)) < len(names):
            raise ValueError("each issuer stands here once")
        for word in self.require_person:
            if word not in list(Role) and word not in _METHODS:
                raise ValueError(
                    f"require_person: {word!r} is neither a role nor a method such as NoticeService/GetNotice"
                )
        if self.require_person and not self.issuers:
            raise ValueError("require_person needs an issuer: without one, nobody could do what needs a person")
        if self.keep_seconds < self.refresh_seconds:
            raise ValueError("keep_seconds must not be less than refresh_seconds")
        return self

    @property
    def person_roles(self) -> frozenset[Role]:
        """Roles that no system has by itself."""
        return frozenset(role for role in Role if role in self.require_person)

    @property
    def person_methods(self) -> frozenset[str]:
        """Full paths of methods that need an officer."""
        return frozenset(_METHODS[word] for word in self.require_person if word in _METHODS)


_METHODS = {path.rpartition(".")[2]: path for path in METHOD_ROLES}
