import datetime as dt
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.supervisor.errors import StartError
from deploy.supervisor.tls import usable_key


def write_key(path: Path, key: ec.EllipticCurvePrivateKey, password: bytes | None = None) -> Path:
    encryption = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, encryption
        )
    )
    return path


@pytest.fixture
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def certificate(tmp_path: Path, key) -> Path:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "vitrine.example")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "cert.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return path


def test_a_traditional_key_becomes_pkcs8_and_private(tmp_path, key, certificate):
    target = usable_key(
        certificate=certificate, key=write_key(tmp_path / "k", key), target=tmp_path / "out"
    )
    assert target.read_text().startswith("-----BEGIN PRIVATE KEY-----")
    assert target.stat().st_mode & 0o777 == 0o600


def test_a_key_of_another_certificate_is_refused(tmp_path, certificate):
    other = write_key(tmp_path / "k", ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(StartError, match="does not belong"):
        usable_key(certificate=certificate, key=other, target=tmp_path / "out")


def test_an_encrypted_key_and_no_key_at_all_are_refused(tmp_path, key, certificate):
    locked = write_key(tmp_path / "k", key, b"password")
    with pytest.raises(StartError, match="encrypted"):
        usable_key(certificate=certificate, key=locked, target=tmp_path / "out")
    (tmp_path / "n").write_text("no key")
    with pytest.raises(StartError, match="PEM"):
        usable_key(certificate=certificate, key=tmp_path / "n", target=tmp_path / "out")
    assert not (tmp_path / "out").exists()
