"""Asks relay servers whether they serve: the relay over TCP and TLS, and STUN over UDP.

Where a name leads is not always what who configured it meant: addresses of this machine and of its links are asked only
where they were configured as addresses. Nothing of what a server sends is shown to anybody.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import ssl
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final, TypeAlias

from mesh.relay_health import Answer
from mesh.stun import TRANSACTION_BYTES, StunError, binding_request, read_answer

Address: TypeAlias = IPv4Address | IPv6Address
Where: TypeAlias = tuple[str, str | None, str | None, int, int]
"""Host, IPv4, IPv6, port and STUN port of a server; STUN port 0: none."""

AT_ONCE: Final = 64
LOOKUP_SECONDS: Final = 4.0
TLS_SECONDS: Final = 4.0
SERVER_SECONDS: Final = 15.0
"""For all of one server."""
STUN_PAUSES: Final = (0.5, 1.0, 2.0)
"""How long an answer is waited for after each request (RFC 8489 section 6.2.1, with fewer repetitions)."""

# Verification errors of OpenSSL (openssl-verification-options(1)) that say only that this machine does not know who
# issued a certificate: agents may.
_UNKNOWN_ISSUER: Final = frozenset({18, 19, 20, 21})


class Fault(Exception):  # noqa: N818 - it never leaves this module
    """Why a part did not answer: a word of ``RelayServer.Fault``."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


@dataclass(frozen=True, slots=True)
class Probe:
    """How servers are asked. Tests give their own times and trust."""

    tls: ssl.SSLContext
    at_once: int = AT_ONCE
    lookup_seconds: float = LOOKUP_SECONDS
    tls_seconds: float = TLS_SECONDS
    stun_pauses: Sequence[float] = STUN_PAUSES

    def ask(self, servers: Iterable[Where]) -> dict[Where, Answer]:
        """What each server answers; one that several networks share is asked once. Blocks until all are done."""
        wanted = list(dict.fromkeys(servers))
        return asyncio.run(self._ask_all(wanted)) if wanted else {}

    async def _ask_all(self, wanted: list[Where]) -> dict[Where, Answer]:
        places = asyncio.Semaphore(self.at_once)

        async def ask(where: Where) -> Answer:
            async with places:
                try:
                    async with asyncio.timeout(SERVER_SECONDS):
                        return await self._ask(where)
                except TimeoutError:
                    return Answer("silent", "stun" if where[4] else None, where[4] != 0)

        return dict(zip(wanted, await asyncio.gather(*map(ask, wanted)), strict=True))

    async def _ask(self, where: Where) -> Answer:
        host, ipv4, ipv6, port, stun_port = where
        asks_stun = stun_port != 0
        try:
            addresses = await self._addresses(host, ipv4, ipv6)
        except Fault as fault:
            return Answer(fault.word, fault.word if asks_stun else None, asks_stun)
        tls, stun = await asyncio.gather(
            self._try_each(addresses, lambda address: self._tls(address, port, host)),
            self._try_each(addresses, lambda address: self._stun(address, stun_port)) if asks_stun else _nothing(),
        )
        answer = replace(tls, asks_stun=asks_stun)
        return answer if stun is None else replace(answer, stun_fault=stun.stun_fault, ms=stun.ms or answer.ms)

    async def _try_each(self, addresses: Sequence[Address], ask: Any) -> Answer:
        """The first address that answers; where none does, what the first one said."""
        first: Answer | None = None
        for address in addresses:
            answer: Answer = await ask(address)
            if answer.fault is None:
                return answer
            first = first or answer
        assert first is not None
        return first

    async def _addresses(self, host: str, ipv4: str | None, ipv6: str | None) -> list[Address]:
        configured = [ip_address(text) for text in (ipv4, ipv6) if text]
        if not configured and (literal := _literal(host)) is not None:
            configured = [literal]
        if configured:
            # Whoever names such an address means it, but for those that are nobody's.
            found = [address for address in configured if not _is_nobodys(address)]
        else:
            found = [address for address in await self._look_up(host) if not _is_near(address)]
        if not found:
            raise Fault("address")
        # One of each IP version will do: agents try no more either.
        return list({address.version: address for address in reversed(found)}.values())[::-1]

    async def _look_up(self, host: str) -> list[Address]:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.lookup_seconds):
                rows = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError, TimeoutError) as error:
            raise Fault("name") from error
        return list(dict.fromkeys(ip_address(str(row[4][0]).partition("%")[0]) for row in rows))

    async def _tls(self, address: Address, port: int, host: str) -> Answer:
        try:
            return Answer(ms=await self._shake_hands(address, port, host, self.tls))
        except ssl.SSLCertVerificationError as error:
            if error.verify_code not in _UNKNOWN_ISSUER:
                return Answer("certificate")
        except (OSError, TimeoutError) as error:
            return Answer(_word_of(error))
        # Nothing of the certificate can be judged without knowing who issued it; whether TLS is spoken can.
        try:
            ms = await self._shake_hands(address, port, host, None)
        except (OSError, TimeoutError) as error:
            return Answer(_word_of(error))
        return Answer(ms=ms, unknown_issuer=True)

    async def _shake_hands(self, address: Address, port: int, host: str, tls: ssl.SSLContext | None) -> float:
        began = time.perf_counter()
        async with asyncio.timeout(self.tls_seconds):
            _, writer = await asyncio.open_connection(
                str(address), port, ssl=tls or _unverified(), server_hostname=host, limit=1024
            )
            took = time.perf_counter() - began
            writer.transport.abort()
        return round(took * 1000, 1)

    async def _stun(self, address: Address, port: int) -> Answer:
        loop = asyncio.get_running_loop()
        try:
            transport, waiting = await loop.create_datagram_endpoint(_StunWaiting, remote_addr=(str(address), port))
        except OSError as error:
            return Answer(stun_fault=_word_of(error))
        try:
            for pause in self.stun_pauses:
                waiting.send(transport)
                try:
                    async with asyncio.timeout(pause):
                        return Answer(ms=round(await asyncio.shield(waiting.answer) * 1000, 1))
                except TimeoutError:
                    continue
                except OSError as error:
                    return Answer(stun_fault="stun" if isinstance(error, ConnectionRefusedError) else _word_of(error))
        finally:
            waiting.answer.cancel()
            transport.close()
        return Answer(stun_fault="stun")


class _StunWaiting(asyncio.DatagramProtocol):
    """Requests to one server, until one of them is answered: then ``answer`` is after how many seconds."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._sent: dict[bytes, float] = {}

    def send(self, transport: asyncio.DatagramTransport) -> None:
        """One more request."""
        transaction = secrets.token_bytes(TRANSACTION_BYTES)
        self._sent[transaction] = time.perf_counter()
        transport.sendto(binding_request(transaction))

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Takes an answer; what is none is passed over."""
        now = time.perf_counter()
        for transaction, sent in self._sent.items():
            try:
                read_answer(data, transaction)
            except StunError:
                continue
            if not self.answer.done():
                self.answer.set_result(now - sent)

    def error_received(self, exc: Exception) -> None:
        """Nobody is there."""
        if not self.answer.done():
            self.answer.set_exception(exc)


async def _nothing() -> None:
    return None


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_nobodys(address: Address) -> bool:
    """Not one machine's address: 0.0.0.0, multicast, broadcast."""
    bare = _bare(address)
    return bare.is_unspecified or bare.is_multicast or (bare.version == 4 and bare.is_reserved)


def _is_near(address: Address) -> bool:
    """This machine itself, or one that only this machine's link leads to, clouds' metadata among them."""
    bare = _bare(address)
    return _is_nobodys(address) or bare.is_loopback or bare.is_link_local


def _bare(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for: mapped, NAT64 (RFC 6052) and 6to4 (RFC 3056)."""
    if address.version == 4:
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if int(address) >> 32 == 0x0064_FF9B << 64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _word_of(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "silent"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, ssl.SSLError | ConnectionError):
        return "tls"
    return "unreachable"
