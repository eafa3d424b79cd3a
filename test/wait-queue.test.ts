import { expect, test } from "bun:test";
import { type QueueName, textOfQueue } from "../src/jobs/store.ts";
import { type Waiter, WaitQueue } from "../src/kernel/wait-queue.ts";

const named = (queue: string) => ({ space: 1, queue });

const newQueue = () => new WaitQueue<QueueName>(textOfQueue);

const stays = new AbortController().signal;

/** Waits, and notes the name when it is woken. */
function waiting(
	waiters: ReturnType<typeof newQueue>,
	queues: readonly string[],
	name: string,
	woken: string[],
): Waiter {
	const waiter = waiters.enter(queues.map(named));
	void waiter.wait(60_000, stays).then((isWoken) => isWoken && woken.push(name));
	return waiter;
}

test("as many waiters are woken as there are jobs, in FIFO order, only for their queues", async () => {
	const waiters = newQueue();
	const woken: string[] = [];
	for (const [name, queues] of [
		["a1", ["a"]],
		["b1", ["b"]],
		["ab", ["a", "b"]],
		["a2", ["a"]],
	] as const) {
		waiting(waiters, queues, name, woken);
	}
	waiters.wake(named("a"), undefined, 2);
	await Bun.sleep(0);
	expect(woken).toEqual(["a1", "ab"]);
	waiters.wake(named("b"), undefined, 5);
	await Bun.sleep(0);
	expect(woken).toEqual(["a1", "ab", "b1"]);
	expect(waiters.topics()).toEqual([named("a")]);
	waiters.wake(named("c"), undefined, 1);
	waiters.close();
	expect(woken).toHaveLength(3);
});

test("a wake-up that comes before the wait is not missed", async () => {
	const waiters = newQueue();
	const waiter = waiters.enter([named("a")]);
	waiters.wake(named("a"), undefined, 1);
	expect(await waiter.wait(60_000, stays)).toBe(true);
});

test("a wake-up that a leaving waiter does not use goes to the next", async () => {
	const waiters = newQueue();
	const woken: string[] = [];
	const served = waiters.enter([named("a")]);
	waiting(waiters, ["a"], "next", woken);
	waiters.wake(named("a"), undefined, 1);
	served.leave();
	await Bun.sleep(0);
	expect(woken).toEqual(["next"]);

	const gone = new AbortController();
	const leaving = waiters.enter([named("a")]);
	waiting(waiters, ["a"], "last", woken);
	const isWoken = leaving.wait(60_000, gone.signal);
	waiters.wake(named("a"), undefined, 1);
	gone.abort();
	expect(await isWoken).toBe(false);
	leaving.leave();
	await Bun.sleep(0);
	expect(woken).toEqual(["next", "last"]);
});

test("the wait ends at its timeout, when the client leaves and when the queue closes", async () => {
	const waiters = newQueue();
	expect(await waiters.enter([named("a")]).wait(1, stays)).toBe(false);
	expect(await waiters.enter([named("a")]).wait(60_000, AbortSignal.abort())).toBe(false);
	const gone = new AbortController();
	const leaving = waiters.enter([named("a")]).wait(60_000, gone.signal);
	gone.abort();
	expect(await leaving).toBe(false);
	const waitsOn = waiters.enter([named("a")]).wait(60_000, stays);
	waiters.close();
	expect(await waitsOn).toBe(false);
	expect(await waiters.enter([named("a")]).wait(60_000, stays)).toBe(false);
});
