"""An example worker: leases jobs of the kind "shout" and completes them with their text in capitals.
URL=http://127.0.0.1:8000 API_KEY=... python3 examples/worker.py"""
import json, os, threading, time, urllib.error, urllib.request

URL = os.environ.get("URL", "http://127.0.0.1:8000")
QUEUE = os.environ.get("QUEUE", "default")
WORKER = f"shouter-{os.getpid()}"
LEASE_SECONDS = 30


def ask(path, body):
    headers = {"content-type": "application/json", "x-api-key": os.environ.get("API_KEY", "")}
    request = urllib.request.Request(URL + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def work(job):
    path, fence, done = f"/jobs/{job['id']}", job["lease"]["fence"], threading.Event()

    def beat():
        while not done.wait(LEASE_SECONDS / 3):
            try:
                ask(f"{path}/heartbeat", {"fence": fence})
            except OSError as error:
                print(error, flush=True)

    threading.Thread(target=beat, daemon=True).start()
    try:
        shouted = str(job["payload"]["text"]).upper()
        print(f"{job['id']} fence {fence}: {shouted}", flush=True)
        ask(f"{path}/complete", {"fence": fence, "result": {"shouted": shouted}})
    except (KeyError, TypeError) as error:
        ask(f"{path}/fail", {"fence": fence, "error": repr(error)})
    finally:
        done.set()


while True:
    try:
        asked = {"worker": WORKER, "queues": [QUEUE], "lease_seconds": LEASE_SECONDS, "wait_seconds": 20}
        for job in ask("/jobs/lease", asked)["items"]:
            work(job)
    except OSError as error:  # the server is unreachable, or the lease is lost (409)
        print(error, flush=True)
        time.sleep(1)
