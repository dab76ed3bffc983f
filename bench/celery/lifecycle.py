"""Celery beside the queue: a task that records as many steps as the lifecycle of a file does.

`cargo xtask bench queue` runs it. It puts the tasks in line, then works in this very process, as one Celery worker, and
says when the first tasks (which warm it up) and when all of them are done.
"""

import sys
import threading

from celery import Celery

url, tasks, warm, pool, concurrency = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]
STEPS = 8

app = Celery("lifecycle", broker=url, backend=url)
app.conf.update(
    # As a file's steps are: at least once, and no task is held by a worker that is busy with another.
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    worker_redirect_stdouts=False,
)
done, lock = 0, threading.Lock()


@app.task(bind=True)
def lifecycle(self, number):
    """Eight states and, with the return, the result: nine records, as claim, intent, request id, five steps and end."""
    for step in range(1, STEPS + 1):
        self.update_state(state="PROGRESS", meta={"step": step, "progress": 10 * step, "message": f"Step {step}"})
    count()
    return {"number": number, "model_url": f"https://example.com/{number}.glb", "cost": 300_000}


def count():
    """Tells of the two moments between which is measured."""
    global done
    with lock:
        done += 1
        reached = done
    if reached in (warm, tasks):
        print("warm" if reached == warm else "done", flush=True)


with app.producer_or_acquire() as producer:
    for number in range(tasks):
        lifecycle.apply_async((number,), producer=producer)
print("waiting", flush=True)
app.worker_main([
    "worker", f"--pool={pool}", f"--concurrency={concurrency}", "--loglevel=ERROR",
    "--without-gossip", "--without-mingle", "--without-heartbeat",
])
