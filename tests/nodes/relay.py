"""Relay servers for tests: TLS on a port and STUN on another, each as well or as badly as a test wants it."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mesh.stun import binding_answer, read_request

NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay")])


def certificate(folder: Path, *, host: str = "127.0.0.1", days: int = 1) -> Path:
    """A certificate that vouches for itself and for ``host``, in one file with its key; valid until in ``days``."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    try:
        name: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        name = x509.DNSName(host)
    made = (
        x509.CertificateBuilder()
        .subject_name(NAME)
        .issuer_name(NAME)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=9))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{host}{days}.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def trusting(path: Path | None = None) -> ssl.SSLContext:
    """Trusts the certificate of ``path`` alone; nobody without one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if path is not None:
        context.load_verify_locations(path)
    return context


@contextmanager
def tls_server(path: Path | None) -> Iterator[int]:
    """Shakes hands with whoever comes; without a certificate it says something else. Gives its port."""
    context = None
    if path is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        ended = threading.Event()

        def serve() -> None:
            while True:
                caller, _ = server.accept()
                with caller:
                    if ended.is_set():
                        return
                    try:
                        if context is None:
                            caller.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                        else:
                            context.wrap_socket(caller, server_side=True).close()
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield port
        finally:
            ended.set()
            socket.create_connection(("127.0.0.1", port)).close()
            thread.join()


@contextmanager
def stun_server(*, deaf_to: int = 0, nonsense: bool = False) -> Iterator[int]:
    """Answers binding requests but the first ``deaf_to``; with ``nonsense`` something else first. Gives its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]

        def serve() -> None:
            heard = 0
            while True:
                data, (host, at) = server.recvfrom(2048)
                if not data:
                    return
                heard += 1
                if heard <= deaf_to:
                    continue
                if nonsense:
                    server.sendto(b"what?", (host, at))
                answer = binding_answer(read_request(data), (ipaddress.ip_address(host), at))
                server.sendto(answer, (host, at))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield port
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
                end.sendto(b"", ("127.0.0.1", port))
            thread.join()


def closed_port(kind: socket.SocketKind) -> int:
    """A port that nobody listens on."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
