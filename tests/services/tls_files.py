"""A certificate authority for tests, with a server's and a client's certificate, as PEM files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class TlsFiles:
    """``ca``, and for ``server`` (127.0.0.1) and ``client`` the certificate, the key and both."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named("tests")
        self.ca = self._write("ca.pem", _pem(self._signed(self._name, self._key, authority=True)))
        for name in ("server", "client"):
            self._issue(name)

    def certificate(self, name: str) -> Path:
        """The certificate of ``server`` or ``client``."""
        return self._folder / f"{name}.crt"

    def key(self, name: str) -> Path:
        """Its key, without a password."""
        return self._folder / f"{name}.key"

    def both(self, name: str) -> Path:
        """Key and certificate in one file, as Java wants them."""
        return self._folder / f"{name}.pem"

    def _issue(self, name: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _pem(self._signed(_named(name), key))
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        self._write(f"{name}.crt", certificate)
        self._write(f"{name}.key", private)
        self._write(f"{name}.pem", private + certificate)

    def _signed(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, *, authority: bool = False
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        local = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(local, critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def _write(self, name: str, content: bytes) -> Path:
        path = self._folder / name
        path.write_bytes(content)
        return path


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
