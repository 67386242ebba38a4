"""The store of keys: closed to others, durable, shared; a destroyed key never comes back."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from equipoise.errors import RecordError
from equipoise.record.keys import KeyStore
from equipoise.record.sealing import ERASED, Erased, Key

MASTER = "0f" * 32
FAR, LONG_AGO = "2999-01-01T00:00:00.000000Z", "2000-01-01T00:00:00.000000Z"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "record.sqlite3.keys"


@pytest.fixture(params=[None, MASTER], ids=["no master key", "master key"])
def store(path: Path, request: pytest.FixtureRequest) -> Iterator[KeyStore]:
    """A new store, with and without a master key."""
    with closing(KeyStore.create(path, master=request.param)) as created:
        yield created


def secret(store: KeyStore, name: str) -> bytes:
    key = store.get(name)
    assert isinstance(key, Key) and key.name == name
    return key.secret


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


@pytest.mark.requirement("RN1", "GD1")
def test_the_file_is_its_owners_alone(path: Path) -> None:
    before = os.umask(0)
    try:
        KeyStore.create(path).close()
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    for mode in (0o640, 0o604, 0o660, 0o620, 0o601, 0o777):
        path.chmod(mode)
        with pytest.raises(RecordError, match=rf"open to others .* \(mode {mode:04o}\).*0600"):
            KeyStore(path)
    path.chmod(0o400)
    KeyStore(path).close()


def test_what_is_no_store_of_keys_is_told(path: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"No such file or directory.*restore it"):
        KeyStore(path)
    assert not path.exists(), "a missing store is not made by opening it"
    with pytest.raises(RecordError, match="is not a file"):
        KeyStore(tmp_path)
    for content in (b"", b"nothing that SQLite knows" * 100):
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(RecordError, match="is not a store of keys"):
            KeyStore(path)
    path.unlink()
    with closing(sqlite3.connect(path)) as other:
        other.executescript("CREATE TABLE meta (name TEXT, value BLOB);")
    path.chmod(0o600)
    with pytest.raises(RecordError, match="is not a store of keys of this release"):
        KeyStore(path)


def test_a_store_is_never_overwritten(store: KeyStore, path: Path) -> None:
    store.ensure("subject/01-001")
    before = path.read_bytes()
    with pytest.raises(RecordError, match="File exists"):
        KeyStore.create(path)
    with pytest.raises(RecordError, match="cannot create"):
        KeyStore.create(path.parent / "no such folder" / "keys")
    assert path.read_bytes() == before


def test_the_master_key_must_be_the_one_that_it_was_made_with(tmp_path: Path) -> None:
    plain, wrapped = tmp_path / "plain", tmp_path / "wrapped"
    KeyStore.create(plain).close()
    with closing(KeyStore.create(wrapped, master=MASTER)) as store:
        store.ensure("subject/01-001")
        expected = secret(store, "subject/01-001")
        assert expected not in everything_in(tmp_path)
    with closing(KeyStore(wrapped, master=f" {MASTER.upper()}\n")) as store:
        assert secret(store, "subject/01-001") == expected
    with pytest.raises(RecordError, match="does not open with this master key"):
        KeyStore(wrapped, master="f0" * 32)
    with pytest.raises(RecordError, match="needs a master key"):
        KeyStore(wrapped)
    with pytest.raises(RecordError, match="was made without a master key"):
        KeyStore(plain, master=MASTER)
    for malformed in ("", "0f" * 31, "0f" * 33, "zz" * 32, "é"):
        with pytest.raises(RecordError, match="64 hexadecimal digits"):
            KeyStore(wrapped, master=malformed)
        with pytest.raises(RecordError, match="64 hexadecimal digits"):
            KeyStore.create(tmp_path / "new", master=malformed)
    assert not (tmp_path / "new").exists()


def test_a_wrapped_key_opens_under_its_own_name_only(path: Path) -> None:
    with closing(KeyStore.create(path, master=MASTER)) as store:
        store.ensure("subject/01-001", "subject/01-002")
        with closing(sqlite3.connect(path)) as other:
            other.execute(
                "UPDATE key SET secret = (SELECT secret FROM key WHERE name = 'subject/01-002')"
            )
            other.commit()
        assert len(secret(store, "subject/01-002")) == 32
        with pytest.raises(RecordError, match=r"subject/01-001 .* does not open"):
            store.get("subject/01-001")


@pytest.mark.requirement("RN1")
def test_a_key_is_made_once_and_stays(store: KeyStore, path: Path) -> None:
    store.ensure("seed/main", "subject/01-001")
    first = secret(store, "seed/main"), secret(store, "subject/01-001")
    assert first[0] != first[1]
    store.ensure("subject/01-001", "seed/main", "value/7/narrative")
    assert (secret(store, "seed/main"), secret(store, "subject/01-001")) == first
    assert store.names() == ["seed/main", "subject/01-001", "value/7/narrative"]
    assert "secret" not in repr(store.get("seed/main")) and first[0].hex() not in repr(store)
    again = KeyStore(path, master=None if store._master is None else MASTER)
    assert secret(again, "seed/main") == first[0]
    again.close()
    again.close()
    with pytest.raises(RecordError, match="cannot be read"):
        again.names()


@pytest.mark.parametrize("name", ["", "a b", "a\nb", "é", "x" * 201, "a;b", "a#b"])
def test_a_name_that_no_sealed_text_could_carry_is_refused(store: KeyStore, name: str) -> None:
    with pytest.raises(RecordError, match="cannot name a key"):
        store.ensure("subject/01-001", name)
    assert store.names() == [], "all or none"
    with pytest.raises(RecordError, match="cannot name a key"):
        Key(name, bytes(32))


@pytest.mark.requirement("GD1", "AT7")
def test_a_destroyed_key_never_comes_back(store: KeyStore) -> None:
    sealed = store.seal("subject/01-001", "Dupont", "T/01-001/name")
    assert store.unseal(sealed, "T/01-001/name") == "Dupont"
    store.destroy("subject/01-001")
    assert store.get("subject/01-001") is ERASED
    assert store.unseal(sealed, "T/01-001/name") is ERASED
    assert not ERASED and repr(ERASED) == "[erased]" and isinstance(ERASED, Erased)
    store.destroy("subject/01-001")
    with pytest.raises(RecordError, match=r"the key subject/01-001 was destroyed on \d{4}-"):
        store.ensure("subject/01-002", "subject/01-001")
    with pytest.raises(RecordError, match="destroyed"):
        store.seal("subject/01-001", "Durand", "T/01-001/name")
    assert store.names() == [] and store.destroyed() == ["subject/01-001"]
    assert store.sweep([], created_before=FAR) == []
    assert store.destroyed() == ["subject/01-001"], "erased is told from never there"


def test_what_was_never_there_is_told(store: KeyStore) -> None:
    with pytest.raises(RecordError, match=r"no key subject/01-001 in .*another trial"):
        store.get("subject/01-001")
    with pytest.raises(RecordError, match="nothing was destroyed"):
        store.destroy("subject/01-001")
    with pytest.raises(RecordError, match="not a sealed text"):
        store.unseal("Dupont", "T/01-001/name")
    store.ensure("subject/01-001")
    assert store.names() == ["subject/01-001"]


@pytest.mark.requirement("GD1", "AT7")
def test_a_destroyed_secret_is_in_no_file_any_more(path: Path) -> None:
    names = [f"value/{number:04}/narrative" for number in range(400)]
    with closing(KeyStore.create(path)) as store:
        store.ensure(*names)
        secrets = {name: secret(store, name) for name in names}
        assert all(each in everything_in(path.parent) for each in secrets.values())
        gone = names[::3]
        for name in gone:
            store.destroy(name)
        swept = store.sweep([name for name in names if name not in names[1::3]], created_before=FAR)
        assert swept == names[1::3]
        found = everything_in(path.parent)
        assert [name for name in names if secrets[name] in found] == names[2::3]
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.requirement("GD1", "RN1")
def test_no_plaintext_and_no_wrapped_secret_lies_in_a_file(store: KeyStore, path: Path) -> None:
    sealed = store.seal("subject/01-001", "Jean Dupont", "T/01-001/name")
    assert b"Dupont" not in everything_in(path.parent) and "Dupont" not in sealed
    wrapped = store._master is not None
    assert (secret(store, "subject/01-001") in everything_in(path.parent)) is not wrapped


def test_orphans_are_swept_and_young_ones_left(store: KeyStore) -> None:
    store.ensure("seed/main", "value/1/narrative", "value/2/narrative")
    known = ["seed/main", "value/1/narrative", "value/9/narrative"]
    assert store.orphans(known) == ["value/2/narrative"]
    assert store.sweep(known, created_before=LONG_AGO) == []
    for moment in ("tomorrow", "", "2999", "2999-01-01", "2999-01-01T00:00:00+01:00", "Z"):
        with pytest.raises(RecordError, match="no time in UTC"):
            store.sweep(known, created_before=moment)
    assert len(store.names()) == 3
    assert store.sweep(known, created_before=FAR) == ["value/2/narrative"]
    assert store.names() == ["seed/main", "value/1/narrative"]
    store.ensure("value/2/narrative")
    assert len(store.names()) == 3, "what covered nothing may be made again"


def python(*lines: str) -> list[str]:
    start = "import os, signal, sys; from equipoise.record.keys import KeyStore"
    return [sys.executable, "-c", "\n".join([start, *lines])]


def test_a_key_survives_the_death_of_its_maker(path: Path) -> None:
    KeyStore.create(path).close()
    lines = [
        f"store = KeyStore({str(path)!r})",
        "store.ensure('seed/main')",
        "print(store.get('seed/main').secret.hex(), flush=True)",
        "os.kill(os.getpid(), signal.SIGKILL)",
    ]
    done = subprocess.run(python(*lines), capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    with closing(KeyStore(path)) as store:
        assert secret(store, "seed/main").hex() == done.stdout.strip()


def test_two_processes_make_and_find_the_same_keys(path: Path) -> None:
    names = [f"subject/{number:02}" for number in range(30)]
    KeyStore.create(path).close()
    lines = [
        f"store = KeyStore({str(path)!r})",
        "sys.stdin.readline()",
        f"for name in {names!r}:",
        "    store.ensure(name)",
        "    print(store.get(name).secret.hex())",
    ]
    both = [
        subprocess.Popen(python(*lines), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for each in both:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    first, second = (each.communicate(timeout=60)[0].split() for each in both)
    assert first == second and len(set(first)) == len(names)
    with closing(KeyStore(path)) as store:
        assert [secret(store, name).hex() for name in names] == first


def test_a_store_that_is_damaged_under_our_feet_is_told(path: Path) -> None:
    with closing(KeyStore.create(path)) as store:
        store.ensure("subject/01-001")
        path.write_bytes(b"overwritten" * 1000)
        for act in (
            lambda: store.get("subject/01-001"),
            lambda: store.ensure("subject/01-002"),
            lambda: store.destroy("subject/01-001"),
            store.names,
        ):
            with pytest.raises(RecordError, match=r"cannot be (read|written)"):
                act()
