"""One spelling of a URL."""

from __future__ import annotations

import pytest

from postern.identity.request_url import normal_url


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://a.example", "https://a.example/"),
        ("https://a.example/", "https://a.example/"),
        ("HTTPS://A.Example/Path", "https://a.example/Path"),
        ("https://a.example:443/x", "https://a.example/x"),
        ("http://a.example:80/x", "http://a.example/x"),
        ("http://a.example:443/x", "http://a.example:443/x"),
        ("https://a.example:/x", "https://a.example/x"),
        ("https://a.example/x?q=1#f", "https://a.example/x"),
        ("https://a.example?q", "https://a.example/"),
        ("https://a.example/%7eb/%c3%a9%2F", "https://a.example/~b/%C3%A9%2F"),
        ("https://[2001:DB8::1]:8443/x", "https://[2001:db8::1]:8443/x"),
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
    ],
)
def test_normalises_what_means_the_same(url, normal):
    assert normal_url(url) == normal


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "/v1",
            "a.example/v1",
            "//a.example/v1",
            "https:///v1",
            "https://",
            "ftp://a.example/",
            "https:a.example",
        ),
        *("https://user@a.example/", "https://user:pw@a.example/", "https://a.example:x/", "https://a.example:99999/"),
        *("https://a.example/../x", "https://a.example/x/.", "https://a.example/%2e%2e/x", "https://a.example/%zz"),
        *("https://a.example/%", "https://a.example/a b", "https://a.example/\n", "https://ex\tample/", "https://é/"),
        *("https://a.example\\@b.example/", "https://[::1/", "https://a.example/" + "x" * 2048),
    ],
    ids=lambda url: repr(url)[:40],
)
def test_gives_none_for_what_could_be_read_two_ways(url):
    assert normal_url(url) is None
