"""The certificate profiles, read from ``certs/profiles.toml``: what each kind of certificate contains."""

import tomllib
from enum import StrEnum
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from cryptography import x509
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError

from gateway.errors import ConfigError


class KeyKind(StrEnum):
    """The types of key in use."""

    ECDSA_P256 = "ecdsa-p256"
    ED25519 = "ed25519"
    ML_DSA_44 = "ml-dsa-44"


class AuthorityKind(StrEnum):
    """The two authorities of a jurisdiction, so that its two listeners trust nobody in common."""

    NODE = "node"  # issues the node's TLS and sealing certificates; peers pin it
    CLIENT = "client"  # issues the certificates of back-office systems


def _object_identifier(dotted: str) -> x509.ObjectIdentifier:
    return x509.ObjectIdentifier(dotted)


class Profile(BaseModel):
    """What one kind of certificate contains; the fields are told in ``certs/profiles.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: AuthorityKind | None = None
    identity: Literal["node", "client"] | None = None
    dns_name: bool = False
    keys: tuple[KeyKind, ...] = Field(min_length=1)
    days: int = Field(gt=0, le=3652)
    key_usage: tuple[Literal["digital_signature", "key_cert_sign", "crl_sign"], ...] = Field(min_length=1)
    extended_key_usage: tuple[Annotated[x509.ObjectIdentifier, PlainValidator(_object_identifier)], ...] = ()


class Profiles(BaseModel):
    """All of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    backdate_minutes: int = Field(ge=0, le=60)
    authority: Profile
    node: Profile
    seal: Profile
    client: Profile


def parse_profiles(text: str) -> Profiles:
    """Reads the text of a profiles file.

    Raises:
        ConfigError: it is not TOML, or a profile breaks the form.
    """
    try:
        return Profiles.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise ConfigError(f"profiles.toml: {error}") from error


@cache
def profiles() -> Profiles:
    """Gives the profiles of this installation: from the package, or in a checkout from ``certs/``."""
    packaged = files("gateway.identity") / "profiles.toml"
    source = packaged if packaged.is_file() else Path(__file__).parents[3] / "certs" / "profiles.toml"
    return parse_profiles(source.read_text("utf-8"))
