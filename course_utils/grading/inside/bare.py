"""A submission's process without a wall: reads its settings, connects to the judge, and serves."""
from __future__ import annotations

import json
import socket
import sys


def limit(settings: dict) -> None:
    """Set what this system can limit: CPU seconds, memory, size of files."""
    try:
        import resource
    except ImportError:
        return  # Windows: the judge's clock is all there is
    for name, value in (("RLIMIT_CPU", settings["cpu_s"]), ("RLIMIT_FSIZE", settings["file_bytes"]), ("RLIMIT_CORE", 0),
                        ("RLIMIT_AS", settings["memory_bytes"] + 3 * settings["address_slack_bytes"])):
        try:
            resource.setrlimit(getattr(resource, name), (value, value))
        except (ValueError, OSError, AttributeError):
            continue


def main() -> None:
    settings = json.loads(sys.stdin.readline())
    connection = socket.create_connection(("127.0.0.1", settings["port"]))
    connection.sendall(settings["word"].encode() + b" " * 32)
    limit(settings["limits"])
    from course_utils.grading.inside.child import serve

    serve(connection)


if __name__ == "__main__":
    main()
