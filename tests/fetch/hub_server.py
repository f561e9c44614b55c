# SPDX-License-Identifier: LGPL-3.0-or-later
"""A server on this machine that speaks the hub's protocol, with faults on request.

Hub(files) serves one repository, owner/name, on a port of its own.  `faults` maps a path within
it to a list of faults, used up one a request: "short" (the body ends early), "wrong" (other
bytes), "whole" (200 for a Range), "stall" (sends half and then nothing), ("status", N, headers),
("redirect", address), "long" (more than announced).
"""

import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def git_hash(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        hub = self.server.hub
        path = unquote(urlsplit(self.path).path)
        hub.requests.append((path, dict(self.headers)))
        if path.startswith("/api/models/owner/name/revision/"):
            self.revision(hub, path)
        elif path.startswith("/api/models/owner/name/tree/"):
            self.tree(hub)
        elif path.startswith(f"/owner/name/resolve/{COMMIT}/"):
            self.resolve(hub, path.split(COMMIT + "/", 1)[1])
        elif path.startswith("/store/"):
            self.send_file(hub, path[len("/store/"):])
        else:
            self.answer(404, b"{}", X_Error_Code="RepoNotFound")

    def revision(self, hub, path):
        if hub.refusal:
            status, headers = hub.refusal
            self.answer(status, b"{}", **headers)
        elif path.rsplit("/", 1)[1] not in ("main", COMMIT):
            self.answer(404, b"{}", X_Error_Code="RevisionNotFound",
                        X_Error_Message="Invalid rev id")
        else:
            self.answer(200, json.dumps({"sha": hub.commit, "cardData": {"license": "mit"}})
                        .encode())

    def tree(self, hub):
        """In pages of two entries."""
        first = int(dict(part.split("=") for part in urlsplit(self.path).query.split("&"))
                    .get("cursor", 0))
        entries = [{"type": "directory", "path": "unet", "oid": "0" * 40, "size": 0}]
        for path, data in sorted(hub.files.items()):
            entry = {"type": "file", "path": path, "oid": git_hash(data), "size": len(data)}
            if path.endswith(".safetensors"):
                entry["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data)}
            entries.append(entry)
        entries += hub.extra_entries
        headers = {}
        if first + 2 < len(entries):
            headers["Link"] = (f'<{hub.endpoint}/api/models/owner/name/tree/{COMMIT}'
                               f'?recursive=true&cursor={first + 2}>; rel="next"')
        self.answer(200, json.dumps(entries[first:first + 2]).encode(), **headers)

    def resolve(self, hub, path):
        if hub.stored_at and path.endswith(".safetensors"):
            self.answer(302, Location=f"{hub.stored_at}/store/{path}")
        else:
            self.send_file(hub, path)

    def send_file(self, hub, path):
        data = hub.files.get(path)
        if data is None:
            self.answer(404, X_Error_Code="EntryNotFound")
            return
        with hub.lock:
            fault = hub.faults.get(path) and hub.faults[path].pop(0)
        first, status, headers = 0, 200, {}
        span = self.headers.get("Range")
        if span and fault != "whole":
            first = int(span[len("bytes="):].split("-")[0])
            if first >= len(data):
                self.answer(416)
                return
            status = 206
            headers["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
        if isinstance(fault, tuple) and fault[0] == "status":
            self.answer(fault[1], b"no", **fault[2])
            return
        if isinstance(fault, tuple):
            self.answer(302, Location=fault[1])
            return
        self.send_body(hub, fault, data[first:], status, headers)

    def send_body(self, hub, fault, body, status, headers):
        if fault == "wrong":
            body = bytes([body[0] ^ 1]) + body[1:]
        if fault == "long":
            body += b"x"
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if fault in ("short", "stall"):
            self.wfile.write(body[:len(body) // 2])
            self.wfile.flush()
            if fault == "stall":
                hub.stalled.set()
                time.sleep(hub.stall_seconds)
            self.close_connection = True
            self.connection.close()
            return
        for at in range(0, len(body), 65536):
            self.wfile.write(body[at:at + 65536])
            if hub.slowness:
                time.sleep(hub.slowness)


class Hub:
    def __init__(self, files):
        self.files, self.faults, self.requests = files, {}, []
        self.extra_entries, self.refusal, self.stored_at = [], None, None
        self.commit, self.slowness, self.stall_seconds = COMMIT, 0, 60
        self.lock, self.stalled = threading.Lock(), threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.hub = self
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def asked(self, path):
        """How often a file was asked for, and the headers of the last time."""
        hits = [headers for where, headers in self.requests if where.endswith(path)]
        return len(hits), hits[-1] if hits else {}

    def close(self):
        self.server.shutdown()
        self.server.server_close()
