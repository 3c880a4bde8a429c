"""Texts that do harm where they are pasted into a statement, a path, a log, a page, a sheet or a terminal."""

from collections.abc import Mapping

MARK = "mark-5e1d"  # in each of them: what a log must not repeat

TEXTS: Mapping[str, str] = {
    "a condition": f"' OR '1'='1' -- {MARK}",
    "a statement": f"x'); DROP TABLE notices; -- {MARK}",
    "a union": f"' UNION SELECT envelope, 1, 2 FROM leaves -- {MARK}",
    "wildcards": f"%_{MARK}%",
    "a parent folder": f"../../../../etc/passwd#{MARK}",
    "a parent folder, encoded": f"..%2f..%2f{MARK}",
    "a whole path": f"/etc/passwd/{MARK}",
    "a drive": rf"C:\Windows\{MARK}",
    "NUL": f"hk-1\0{MARK}",
    "a line of a log": f"x\n2026-01-01 00:00:00,000 CRITICAL root {MARK}",
    "an escape": f"\x1b]0;{MARK}\x07\x1b[2J",
    "one byte that is an escape": f"\x9b2J{MARK}",
    "turned writing": f"\u202e{MARK}\u2066",
    "a formula": f"=cmd|' /C calc'!A0 {MARK}",
    "a format": f"%s%n%x{{0.__class__}} {MARK}",
    "a lookup": f"${{jndi:ldap://127.0.0.1/{MARK}}}",
    "a script": f"<script>alert('{MARK}')</script>",
    "markup": f"[red]{MARK}[/red]",
    "30,000 characters": MARK + "a" * 30_000,
}

# Of these a notice may be made of: they hide nothing, and do nothing to who shows them as they stand.
WRITABLE = (
    "a condition",
    "a statement",
    "a parent folder",
    "a formula",
    "a format",
    "a lookup",
    "a script",
    "markup",
)
