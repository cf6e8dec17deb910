"""Addresses of sinks as an operator may write them."""

import pytest

from audit.sink_addresses import sink_addresses


@pytest.mark.parametrize(
    ("text", "name", "kind"),
    [
        ("/mnt/worm", "dir:/mnt/worm", "directory"),
        ("dir:/mnt/worm", "dir:/mnt/worm", "directory"),
        ("dir:///mnt/worm", "dir:/mnt/worm", "directory"),
        ("syslog:/dev/log", "syslog:/dev/log", "syslog"),
        ("syslog+tcp://log.example.org", "syslog+tcp://log.example.org:601", "syslog"),
        ("syslog+udp://10.0.0.7:1514", "syslog+udp://10.0.0.7:1514", "syslog"),
        (
            "smtps://vitrine@mail.example.org/?to=audit@example.org&from=v@example.org",
            "smtps://mail.example.org:465/audit@example.org",
            "email",
        ),
        ("https://witness.example.org/in", "https://witness.example.org:443/in", "https"),
        ("http://127.0.0.1:8123/in", "http://127.0.0.1:8123/in", "https"),
    ],
)
def test_places_are_read_and_named_without_what_is_secret(text, name, kind):
    (found,) = sink_addresses([text])
    assert (found.name, found.kind) == (name, kind)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "relative/folder",
        "dir:relative",
        "dir://host/folder",
        "ftp://host/",
        "https://",
        "https://host:99999/",
        "https://user@host/",
        "https://host/?token=secret",
        "https://user:secret@host/",
        "http://elsewhere.example.org/",
        "smtp://host/",
        "smtp://host/?to=nobody",
        "smtp://host/?to=a@b&from=x",
    ],
)
def test_malformed_places_are_refused_without_repeating_them(text):
    with pytest.raises(ValueError, match="entry 1") as refused:
        sink_addresses([text])
    assert "secret" not in str(refused.value)


def test_none_and_doubles():
    assert sink_addresses(["none"]) == ()
    with pytest.raises(ValueError, match="twice"):
        sink_addresses(["/a", "dir:/a"])
