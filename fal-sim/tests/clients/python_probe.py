"""The official Python client against a running fal-sim: python_probe.py BASE_URL KEY OTHER_KEY

The client has no settings for its hosts, so the four module values that name them are set before its first use.
Every check is a test of its own; the exit code is that of unittest.
"""

import asyncio
import os
import sys
import tempfile
import time
import unittest

BASE, KEY, OTHER_KEY = sys.argv[1:4]
os.environ["FAL_KEY"] = KEY
os.environ["FAL_HOME_DIR"] = tempfile.mkdtemp()
for name in list(os.environ):
    if name.lower() in ("http_proxy", "https_proxy", "all_proxy"):
        del os.environ[name]

import fal_client
import httpx
from fal_client import client as module
from httpx_sse import connect_sse

module.QUEUE_URL_FORMAT = f"{BASE}/queue/"
module.RUN_URL_FORMAT = f"{BASE}/run/"
module.REST_URL = f"{BASE}/rest"
module.CDN_URL = f"{BASE}/cdn"

MODEL = "tripo3d/tripo/v2.5/image-to-3d"
POLL = 0.05
client = fal_client.SyncClient(key=KEY)


def image(scenario):
    return {"image_url": f"https://example.com/sim-{scenario}.png"}


def fetch(url, **headers):
    return httpx.get(url, trust_env=False, headers=headers)


class Uploads(unittest.TestCase):
    def test_bytes_by_cdn_token(self):
        content = os.urandom(300)
        url = client.upload(
            content, "image/png", file_name="a.png", lifecycle=fal_client.StorageSettings(expires_in="1h")
        )
        self.assertEqual(fetch(url).content, content)
        self.assertEqual(fetch(url, range="bytes=10-19").content, content[10:20])

    def test_file_by_signed_url(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "b.png")
            with open(path, "wb") as file:
                file.write(b"x" * 1234)
            self.assertEqual(len(fetch(client.upload_file(path, repository="fal")).content), 1234)

    def test_parts(self):
        before = module.MULTIPART_THRESHOLD, module.MULTIPART_CHUNK_SIZE
        module.MULTIPART_THRESHOLD = module.MULTIPART_CHUNK_SIZE = 1000
        try:
            content = os.urandom(3700)
            url = client.upload(content, "application/octet-stream", file_name="parts.bin")
            self.assertEqual(fetch(url).content, content)
        finally:
            module.MULTIPART_THRESHOLD, module.MULTIPART_CHUNK_SIZE = before


class Jobs(unittest.TestCase):
    def test_subscribe(self):
        updates, ids = [], []
        result = client.subscribe(
            MODEL,
            image("ok"),
            with_logs=True,
            interval=POLL,
            priority="low",
            hint="h",
            start_timeout=600,
            on_enqueue=ids.append,
            on_queue_update=updates.append,
            headers={"X-Fal-No-Retry": "1"},
        )
        kinds = [type(update).__name__ for update in updates]
        self.assertEqual(kinds[-1], "Completed")
        self.assertIn("InProgress", kinds)
        self.assertTrue(updates[-1].logs)
        self.assertEqual(len(ids), 1)
        mesh = fetch(result["model_mesh"]["url"]).content
        self.assertEqual((mesh[:4], len(mesh)), (b"glTF", result["model_mesh"]["file_size"]))

    def test_a_picture_that_is_cut_short(self):
        png = bytes.fromhex(
            "89504e470d0a1a0a0000000d4948445200000002000000020802000000fdd49a73"
            "0000001049444154789c63606060f8cf80040000"
        )
        url = client.upload(png, "image/png", file_name="broken.png")
        with self.assertRaises(fal_client.FalClientHTTPError) as raised:
            client.subscribe(MODEL, {"image_url": url}, interval=POLL)
        self.assertEqual(raised.exception.message[0]["type"], "image_load_error")

    def test_resume_by_id(self):
        submitted = client.submit(MODEL, image("ok"), webhook_url="http://127.0.0.1:9/hook?job=1")
        early = httpx.get(submitted.response_url, headers={"Authorization": f"Key {KEY}"}, trust_env=False)
        self.assertEqual(early.status_code, 400)
        handle = client.get_handle(MODEL, submitted.request_id)
        result = handle.get(interval=POLL)
        status = handle.status(with_logs=False)
        self.assertIsInstance(status, fal_client.Completed)
        self.assertIsNone(status.logs)
        self.assertIn("inference_time", status.metrics)
        self.assertEqual(handle.get(interval=POLL), result)

    def test_status_codes_and_path_forms(self):
        handle = client.submit(MODEL, image("ok"))
        seen = set()
        while not any(state == "COMPLETED" for _, state in seen):
            answer = client._client.get(handle.status_url, params={"logs": 1})
            body = answer.json()
            self.assertLessEqual({"request_id", "response_url", "status_url", "cancel_url"}, body.keys())
            if body["status"] == "IN_QUEUE":
                self.assertIsInstance(body["queue_position"], int)
            seen.add((answer.status_code, body["status"]))
            time.sleep(POLL)
        self.assertLessEqual(seen, {(202, "IN_QUEUE"), (202, "IN_PROGRESS"), (200, "COMPLETED")})
        forms = (
            f"{handle.response_url}/",
            f"{handle.response_url}/response",
            f"{handle.status_url}/",
            f"{module.QUEUE_URL_FORMAT}{MODEL}/requests/{handle.request_id}/status",
        )
        self.assertEqual([client._client.get(form).status_code for form in forms], [200] * 4)

    def test_status_stream(self):
        handle = client.submit(MODEL, image("ok"))
        with connect_sse(client._client, "GET", f"{handle.status_url}/stream", params={"logs": 1}, timeout=60) as source:
            events = [event.json() for event in source.iter_sse()]
        self.assertEqual(events[-1]["status"], "COMPLETED")
        lines = [(line["timestamp"], line["message"]) for event in events for line in event["logs"]]
        self.assertEqual(len(lines), len(set(lines)))

    def test_run_and_stream(self):
        self.assertLessEqual({"task_id", "model_mesh"}, client.run(MODEL, image("ok")).keys())
        values = list(client.stream(MODEL, image("ok")))
        self.assertGreaterEqual(len(values), 2)
        self.assertIn("model_mesh", values[-1])

    def test_async_client(self):
        async def whole_way():
            other = fal_client.AsyncClient(key=KEY)
            url = await other.upload(b"abc", "text/plain", file_name="a.txt")
            return url, await other.subscribe(MODEL, image("ok"), interval=POLL)

        url, result = asyncio.run(whole_way())
        self.assertEqual(fetch(url).content, b"abc")
        self.assertIn("model_mesh", result)


class Failures(unittest.TestCase):
    def refused(self, call, status, error_type=None):
        with self.assertRaises(fal_client.FalClientHTTPError) as raised:
            call()
        self.assertEqual(raised.exception.status_code, status)
        if error_type:
            self.assertEqual(raised.exception.error_type, error_type)
        return raised.exception

    def subscribe(self, scenario, **options):
        return lambda: client.subscribe(MODEL, image(scenario), interval=POLL, **options)

    def test_outcomes(self):
        for scenario, status, kind in (
            ("content-policy", 422, "content_policy_violation"),
            ("file-download", 422, "file_download_error"),
            ("downstream", 500, "downstream_service_unavailable"),
        ):
            with self.subTest(scenario):
                error = self.refused(self.subscribe(scenario), status)
                self.assertEqual(error.message[0]["type"], kind)
        self.refused(self.subscribe("runner-disconnected"), 503, "runner_disconnected")
        error = self.refused(self.subscribe("start-timeout", start_timeout=5), 504, "startup_timeout")
        self.assertEqual(error.response_headers["x-fal-request-timeout-type"], "user")

    def test_validation_shows_only_in_the_result(self):
        handle = client.submit(MODEL, {})
        error = self.refused(lambda: handle.get(interval=POLL), 422)
        self.assertEqual((error.message[0]["loc"], error.message[0]["type"]), (["body", "image_url"], "missing"))

    def test_cancel(self):
        handle = client.submit(MODEL, image("slow"))
        while not isinstance(handle.status(), fal_client.InProgress):
            time.sleep(POLL)
        handle.cancel()
        self.refused(lambda: handle.get(interval=POLL), 499)
        self.assertEqual(self.refused(handle.cancel, 400).response.json(), {"status": "ALREADY_COMPLETED"})

    def test_the_clients_own_timeout_cancels(self):
        with self.assertRaises(fal_client.FalClientTimeoutError) as raised:
            client.subscribe(MODEL, image("slow"), client_timeout=1.2, interval=POLL)
        self.assertTrue(raised.exception.request_id)

    def test_unknown_requests_and_other_keys(self):
        unknown = "00000000-0000-0000-0000-000000000000"
        self.refused(lambda: client.status(MODEL, unknown), 404)
        self.refused(lambda: client.cancel(MODEL, unknown), 404)
        handle = client.submit(MODEL, image("ok"))
        stranger = fal_client.SyncClient(key=OTHER_KEY)
        self.refused(lambda: stranger.status(MODEL, handle.request_id), 404)
        nobody = fal_client.SyncClient(key="nobody:secret")
        self.refused(lambda: nobody.submit(MODEL, image("ok")), 401)

    def test_what_the_client_retries_by_itself(self):
        self.assertTrue(client.submit(MODEL, image(f"429-{time.time_ns()}")).request_id)
        self.assertIsNotNone(client.submit(MODEL, image("flaky")).status())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2, warnings="ignore")
