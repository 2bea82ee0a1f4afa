"""What a file says in few bytes and means in many is counted as what it means."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from programs.datasets.loading.limits import Limits, Options
from programs.datasets.loading.problems import DatasetProblems
from programs.datasets.loading.source import Source
from programs.datasets.readers.parquet import PIECE_BYTES, SMALL_BYTES, read_parquet
from programs.datasets.readers.unpack import Digest


def written(path, **columns):
    pq.write_table(pa.table(columns), path, compression="zstd")
    return Source(path, path.name), Digest("0" * 64, path.stat().st_size)


def once(value, rows):
    return pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([value]))


@pytest.mark.parametrize("plain", [True, False], ids=["text", "dictionary"])
def test_one_value_in_every_row_is_refused_before_it_is_written_out(tmp_path, plain):
    """A few kB would come to gigabytes: no more is taken than the rows of one piece."""
    rows = SMALL_BYTES // 9000 + 70_000
    column = once("x" * 9000, rows)
    source, digest = written(tmp_path / "a.parquet", id=column)
    if plain:
        schema = pa.schema([("id", pa.string())])
        with pq.ParquetWriter(tmp_path / "b.parquet", schema, compression="zstd") as writer:
            for _ in range(rows // 10_000 + 1):
                writer.write_table(pa.table({"id": ["x" * 9000] * 10_000}, schema=schema))
        source = Source(tmp_path / "b.parquet", "b.parquet")
        digest = Digest("0" * 64, source.path.stat().st_size)
    assert digest.bytes < 100_000
    before = pa.total_allocated_bytes()
    with pytest.raises(DatasetProblems) as refused:
        read_parquet(source, digest, tmp_path, Options(), Limits())
    assert refused.value.problems[0].code == "unpacks_too_large"
    assert pa.total_allocated_bytes() - before < PIECE_BYTES


def test_a_column_with_few_values_is_read_as_it_was(tmp_path):
    values = ["EUR", None, "USD"] * 50_000
    ids = [str(number) for number in range(len(values))]
    source, digest = written(tmp_path / "a.parquet", id=ids, currency=values)
    raw = read_parquet(source, digest, tmp_path, Options(), Limits())
    found = pq.read_table(raw.path)
    assert found["c1"].to_pylist() == values
    assert found["c0"].to_pylist() == ids
    assert found["row"].to_pylist() == list(range(1, len(values) + 1))


def test_large_values_come_in_pieces(tmp_path):
    values = ["y" * 5000] * 20_000  # 100 MB, in two pieces or more
    source, digest = written(tmp_path / "a.parquet", id=values)
    raw = read_parquet(source, digest, tmp_path, Options(), Limits())
    assert raw.rows == len(values)
    assert pq.ParquetFile(raw.path).metadata.num_row_groups > 1
