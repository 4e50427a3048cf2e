"""The device grant (RFC 8628): a program without a browser waits while a person types its code somewhere else."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from enum import StrEnum

from postern_local.issuer.clients import Client
from postern_local.issuer.consent import Consent
from postern_local.issuer.expiring import Clock, Expiring

LIFETIME_S = 600
INTERVAL_S = 1  # nothing is far away here; the standard's own is 5
SLOWER_S = 5  # section 3.5
_REMEMBERED_S = 2 * LIFETIME_S  # so that a late poll hears `expired_token`
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # section 6.1: no vowels, so no words
_LENGTH = 8


class Waiting(StrEnum):
    """What a device is told that has no token yet: errors of section 3.5."""

    PENDING = "authorization_pending"
    SLOW_DOWN = "slow_down"
    EXPIRED = "expired_token"
    DENIED = "access_denied"
    UNKNOWN = "invalid_grant"


@dataclass(frozen=True, slots=True)
class Device:
    """One that waits for a person's answer: a consent, or no."""

    client: Client
    scopes: tuple[str, ...]
    user_code: str
    ends_s: int
    interval_s: int = INTERVAL_S
    polled_s: int | None = None
    answer: Consent | Waiting = Waiting.PENDING  # or DENIED


class Devices:
    """Those that wait."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._devices: Expiring[Device] = Expiring(clock, lifetime_s=_REMEMBERED_S)
        self._by_user_code: Expiring[str] = Expiring(clock, lifetime_s=LIFETIME_S)

    def begin(self, client: Client, scopes: tuple[str, ...]) -> tuple[str, Device]:
        """A new device code, and what belongs to it."""
        letters = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
        device = Device(client, scopes, f"{letters[:4]}-{letters[4:]}", self._clock() + LIFETIME_S)
        device_code = self._devices.add(device)
        self._by_user_code.add(device_code, letters)
        return device_code, device

    def find(self, typed: str) -> Device | None:
        """The device whose code was typed, in any case and with anything between its letters, while it waits."""
        device_code = self._by_user_code.get(_letters(typed))
        return None if device_code is None else self._devices.get(device_code)

    def answer(self, device: Device, answer: Consent | None) -> bool:
        """Keeps the person's answer, None for no. False where the device waits no longer; nobody answers twice."""
        device_code = self._by_user_code.take(_letters(device.user_code))
        waiting = None if device_code is None else self._devices.get(device_code)
        if device_code is None or waiting is None:
            return False
        self._devices.put(device_code, replace(waiting, answer=Waiting.DENIED if answer is None else answer))
        return True

    def poll(self, device_code: str, client_id: str) -> Consent | Waiting:
        """The consent, once; until then why there is none. One that asks too often must ask less often from then on."""
        device = self._devices.get(device_code)
        if device is None or device.client.id != client_id:
            return Waiting.UNKNOWN
        now_s = self._clock()
        if now_s >= device.ends_s:
            return Waiting.EXPIRED
        if isinstance(device.answer, Consent):
            self._devices.take(device_code)
            return device.answer
        if device.answer is Waiting.DENIED:
            self._devices.take(device_code)
            return Waiting.DENIED
        is_early = device.polled_s is not None and now_s - device.polled_s < device.interval_s
        interval_s = device.interval_s + (SLOWER_S if is_early else 0)
        self._devices.put(device_code, replace(device, polled_s=now_s, interval_s=interval_s))
        return Waiting.SLOW_DOWN if is_early else Waiting.PENDING


def _letters(typed: str) -> str:
    return "".join(letter for letter in typed.upper() if letter in _LETTERS)
