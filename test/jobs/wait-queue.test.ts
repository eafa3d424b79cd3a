import { expect, test } from "bun:test";
import { type Place, WaitQueue } from "../../src/jobs/wait-queue.ts";

const stays = new AbortController().signal;

/** Waits in line and tells the order in which places are called. */
function waiting(line: WaitQueue, queues: readonly string[], name: string, called: string[]): Place {
	const place = line.enter(queues);
	void place.called(60_000, stays).then((isCalled) => isCalled && called.push(name));
	return place;
}

test("as many are called as there are jobs, first come, first served, for their queues alone", async () => {
	const line = new WaitQueue();
	const called: string[] = [];
	for (const [name, queues] of [
		["a1", ["a"]],
		["b1", ["b"]],
		["ab", ["a", "b"]],
		["a2", ["a"]],
	] as const) {
		waiting(line, queues, name, called);
	}
	line.call("a", 2);
	await Bun.sleep(0);
	expect(called).toEqual(["a1", "ab"]);
	line.call("b", 5);
	await Bun.sleep(0);
	expect(called).toEqual(["a1", "ab", "b1"]);
	expect(line.queues()).toEqual(["a"]);
	line.call("c", 1);
	line.close();
	expect(called).toHaveLength(3);
});

test("a call that comes before the wait is not missed", async () => {
	const line = new WaitQueue();
	const place = line.enter(["a"]);
	line.call("a", 1);
	expect(await place.called(60_000, stays)).toBe(true);
});

test("a call of no use to the one who leaves goes to the next", async () => {
	const line = new WaitQueue();
	const called: string[] = [];
	const served = line.enter(["a"]);
	waiting(line, ["a"], "next", called);
	line.call("a", 1);
	served.leave();
	await Bun.sleep(0);
	expect(called).toEqual(["next"]);

	const gone = new AbortController();
	const leaving = line.enter(["a"]);
	waiting(line, ["a"], "last", called);
	const answer = leaving.called(60_000, gone.signal);
	line.call("a", 1);
	gone.abort();
	expect(await answer).toBe(false);
	leaving.leave();
	await Bun.sleep(0);
	expect(called).toEqual(["next", "last"]);
});

test("the wait ends with its time, with the client and with the line", async () => {
	const line = new WaitQueue();
	expect(await line.enter(["a"]).called(1, stays)).toBe(false);
	expect(await line.enter(["a"]).called(60_000, AbortSignal.abort())).toBe(false);
	const gone = new AbortController();
	const leaving = line.enter(["a"]).called(60_000, gone.signal);
	gone.abort();
	expect(await leaving).toBe(false);
	const waitsOn = line.enter(["a"]).called(60_000, stays);
	line.close();
	expect(await waitsOn).toBe(false);
	expect(await line.enter(["a"]).called(60_000, stays)).toBe(false);
});
