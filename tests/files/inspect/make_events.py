# SPDX-License-Identifier: BSD-3-Clause
"""An event file of TensorBoard, by Google's protobuf and crcmod: /usr/bin/python3 tests/files/inspect/make_events.py
With the path of an event file instead: checks its checksums and prints its events.

Needs python3-protobuf and python3-crcmod. Field numbers are those of TensorFlow's event.proto, summary.proto and
tensor.proto, and of TensorBoard's hparams/api.proto and plugin_data.proto."""
import math
import pathlib
import struct
import sys

import crcmod.predefined
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, struct_pb2

pool = descriptor_pool.Default()
file = descriptor_pb2.FileDescriptorProto(name="events.proto", package="tb", syntax="proto3",
                                          dependency=["google/protobuf/struct.proto"])
T = descriptor_pb2.FieldDescriptorProto
KINDS = dict(double=T.TYPE_DOUBLE, float=T.TYPE_FLOAT, int64=T.TYPE_INT64, int32=T.TYPE_INT32, string=T.TYPE_STRING,
             bytes=T.TYPE_BYTES)


def message(name, *fields, parent=None):
    """A field is "name type number", with "+" after the type if repeated, and "|" if it belongs to the one oneof."""
    m = (parent.nested_type if parent else file.message_type).add(name=name)
    for field in fields:
        label, kind, number = field.split()
        f = m.field.add(name=label, number=int(number), label=T.LABEL_REPEATED if "+" in kind else T.LABEL_OPTIONAL)
        if "|" in kind:
            if not m.oneof_decl:
                m.oneof_decl.add(name="what")
            f.oneof_index = 0
        kind = kind.strip("+|")
        if kind in KINDS:
            f.type = KINDS[kind]
        else:
            f.type, f.type_name = T.TYPE_MESSAGE, "." + kind
    return m


message("SessionLog", "status int32 1")
message("Image", "height int32 1", "width int32 2", "colorspace int32 3", "encoded_image_string bytes 4")
message("HistogramProto", "min double 1", "max double 2", "num double 3", "sum double 4", "sum_squares double 5",
        "bucket_limit double+ 6", "bucket double+ 7")
message("Dim", "size int64 1")
message("TensorShapeProto", "dim tb.Dim+ 2")
message("TensorProto", "dtype int32 1", "tensor_shape tb.TensorShapeProto 2", "string_val bytes+ 8")
message("PluginData", "plugin_name string 1", "content bytes 2")
message("SummaryMetadata", "plugin_data tb.PluginData 1")
message("Value", "tag string 1", "simple_value float| 2", "image tb.Image| 4", "histo tb.HistogramProto| 5",
        "tensor tb.TensorProto| 8", "metadata tb.SummaryMetadata 9")
message("Summary", "value tb.Value+ 1")
message("Event", "wall_time double 1", "step int64 2", "file_version string| 3", "summary tb.Summary| 5",
        "session_log tb.SessionLog| 7")
message("HParamInfo", "name string 1", "type int32 4")
message("MetricName", "group string 1", "tag string 2")
message("MetricInfo", "name tb.MetricName 1")
message("Experiment", "hparam_infos tb.HParamInfo+ 4", "metric_infos tb.MetricInfo+ 5")
start = message("SessionStartInfo", "hparams tb.SessionStartInfo.HparamsEntry+ 1")
message("HparamsEntry", "key string 1", "value google.protobuf.Value 2", parent=start).options.map_entry = True
message("SessionEndInfo", "status int32 1")
message("HParamsPluginData", "version int32 1", "experiment tb.Experiment| 2", "session_start_info tb.SessionStartInfo| 3",
        "session_end_info tb.SessionEndInfo| 4")
pool.Add(file)


def cls(name):
    return message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName("tb." + name))


Event, Experiment, SessionStartInfo, SessionEndInfo, HParamsPluginData = map(
    cls, ("Event", "Experiment", "SessionStartInfo", "SessionEndInfo", "HParamsPluginData"))
crc = crcmod.predefined.mkCrcFun("crc-32c")


def masked(data):
    c = crc(data)
    return ((c >> 15 | c << 17) + 0xA282EAD8) & 0xFFFFFFFF


def frame(event):
    data = event if isinstance(event, bytes) else event.SerializeToString(deterministic=True)
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked(length)) + data + struct.pack("<I", masked(data))


def check(path):
    data, at = pathlib.Path(path).read_bytes(), 0
    while at < len(data):
        (n,) = struct.unpack_from("<Q", data, at)
        assert struct.unpack_from("<I", data, at + 8)[0] == masked(data[at:at + 8]), "checksum of the length"
        body = data[at + 12:at + 12 + n]
        assert struct.unpack_from("<I", data, at + 12 + n)[0] == masked(body), "checksum of the event"
        event = Event.FromString(body)
        print(event)
        for value in event.summary.value:
            if value.metadata.plugin_data.plugin_name == "hparams":
                print(HParamsPluginData.FromString(value.metadata.plugin_data.content))
        at += 16 + n


if len(sys.argv) > 1:
    check(sys.argv[1])
    sys.exit()

events = [Event(file_version="brain.Event:2"), Event(step=3, session_log=dict(status=1))]


def summary(step, **value):
    events.append(Event(step=step, summary=dict(value=[value])))


summary(3, tag="loss/train", simple_value=0.25)
summary(4, tag="loss/<b>", simple_value=math.inf)
summary(0, tag="zero", simple_value=0.0)
summary(-1, tag="before", simple_value=-1e-3)

limits = [1e-12]
while limits[-1] * 1.1 < 1e20:
    limits.append(limits[-1] * 1.1)
limits.append(sys.float_info.max)
limits = [-x for x in reversed(limits)] + [0.0] + limits
values = [-1.5, -1.5, 0.0, 0.0, 2e-13, 3.0, 1e25]
buckets = [0.0] * len(limits)
for v in values:
    buckets[next(i for i, limit in enumerate(limits) if v < limit)] += 1


def joined(n):
    """Limits and counts of groups of n neighbours on either side of 0, from the empty group before the first on."""
    zero = len(limits) // 2
    edges = sorted(set([min(zero + j * n, len(limits) - 1) for j in range(len(limits))] +
                       [zero - j * n for j in range(zero // n + 1)]))
    sums = [sum(buckets[(edges[j - 1] + 1 if j else 0):e + 1]) for j, e in enumerate(edges)]
    used = [j for j, b in enumerate(sums) if b]
    of = slice(max(0, used[0] - 1), used[-1] + 1)
    return [limits[e] for e in edges[of]], sums[of]


# The fewest of 1, 2, 4, .. neighbours for which the event and its frame stay within a block of 4096 bytes.
for n in (1, 2, 4, 8, 16):
    bucket_limit, bucket = joined(n)
    if 16 * len(bucket) + 120 + 64 < 4062:
        break
total, squares = 0.0, 0.0
for v in values:
    total += v
    squares += v * v
summary(5, tag="weights", histo=dict(min=min(values), max=max(values), num=len(values), sum=total, sum_squares=squares,
                                     bucket_limit=bucket_limit, bucket=bucket))
summary(5, tag="weights/nonfinite", simple_value=2.0)
for text in ("**bold** é", "x" * 2000):
    summary(6, tag="notes/text_summary", tensor=dict(dtype=7, tensor_shape=dict(dim=[dict(size=1)]),
                                                     string_val=[text.encode()]),
            metadata=dict(plugin_data=dict(plugin_name="text")))


def hparams(tag, **data):
    content = HParamsPluginData(**data).SerializeToString(deterministic=True)
    summary(0, tag=tag, metadata=dict(plugin_data=dict(plugin_name="hparams", content=content)))


number = lambda x: struct_pb2.Value(number_value=x)
hparams("_hparams_/experiment", experiment=dict(
    hparam_infos=[dict(name="data", type=1), dict(name="layers", type=3), dict(name="lr", type=3),
                  dict(name="nesterov", type=2)], metric_infos=[dict(name=dict(tag="accuracy"))]))
hparams("_hparams_/session_start_info", session_start_info=dict(
    hparams=dict(data=struct_pb2.Value(string_value="digits"), layers=number(3), lr=number(1e-3),
                 nesterov=struct_pb2.Value(bool_value=False))))
summary(0, tag="accuracy", simple_value=0.5)
hparams("_hparams_/session_end_info", session_end_info=dict(status=1))
for i, event in enumerate(events):
    event.wall_time = 1.7e9 + i / 4

# No frame lies across a multiple of 4096 bytes: before it, a frame of field 15 (of bytes) fills the block. Here one such
# frame is enough, as no frame ends less than 18 bytes before a multiple.
data = b""
for event in events:
    size, room = len(frame(event)), 4096 - len(data) % 4096
    if size > room:
        n = room - 16 - 2
        head = bytes([15 << 3 | 2, n]) if n < 128 else bytes([15 << 3 | 2, (n - 1) % 128 | 128, (n - 1) // 128])
        data += frame(head + bytes(room - 16 - len(head)))
    data += frame(event)
    assert 4096 - len(data) % 4096 >= 18
pathlib.Path(__file__).with_name("events.tfevents").write_bytes(data)
