"""Decodes an OTLP request from stdin with PyPI's opentelemetry-proto and compares it with a golden file.

usage: decode.py metrics|spans|logs FILE.json

The golden file is OTLP JSON: as protobuf's own JSON, but with trace and span ids in hexadecimal.
"""

import base64
import json
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

REQUESTS = {
    "metrics": ExportMetricsServiceRequest,
    "spans": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
}
IDS = {"traceId", "spanId", "parentSpanId"}


def with_base64_ids(value):
    if isinstance(value, list):
        return [with_base64_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64encode(bytes.fromhex(item)).decode() if key in IDS else with_base64_ids(item)
        for key, item in value.items()
    }


def main():
    signal, golden = sys.argv[1:]
    actual = REQUESTS[signal].FromString(sys.stdin.buffer.read())
    with open(golden, encoding="utf-8") as file:
        expected = json_format.ParseDict(
            with_base64_ids(json.load(file)), REQUESTS[signal](), ignore_unknown_fields=True
        )
    if actual != expected:
        sys.exit(f"{signal}: the bytes say\n{actual}\nand {golden} says\n{expected}")
    print(f"{signal}: opentelemetry-proto for Python reads what {golden} says")


if __name__ == "__main__":
    main()
