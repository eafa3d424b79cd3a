import { expect, test } from "bun:test";
import type { Log } from "../src/kernel/log.ts";
import { Repeater } from "../src/kernel/repeater.ts";

/** A log that records its warnings. */
function warnings(): { readonly log: Log; readonly messages: string[] } {
	const messages: string[] = [];
	return {
		messages,
		log: { warn: (_: object, message: string) => messages.push(message) } as unknown as Log,
	};
}

const failure = "It failed.";

test("rounds follow one another, each after the pause that the one before returned", async () => {
	const { log } = warnings();
	const started: number[] = [];
	const done = Promise.withResolvers<void>();
	const round = async () => {
		started.push(performance.now());
		if (started.length === 3) done.resolve();
		return started.length === 1 ? 30 : 0;
	};
	const repeater = new Repeater({ round, failure, log });
	repeater.start();
	repeater.start();
	await done.promise;
	await repeater.stop();
	const [first = 0, second = 0] = started;
	expect(second - first).toBeGreaterThan(25);
	expect(started).toHaveLength(3);
});

test("a failing round is retried after a pause, and logged once until a round succeeds", async () => {
	const { log, messages } = warnings();
	const outcomes = ["fail", "fail", "ok", "fail", "fail"];
	const counts: number[] = [];
	const done = Promise.withResolvers<void>();
	const round = async () => {
		counts.push(messages.length);
		if (counts.length === outcomes.length + 1) done.resolve();
		if (outcomes[counts.length - 1] === "fail") throw new Error("down");
		return 0;
	};
	const repeater = new Repeater({ round, failure, log, retryMs: 1 });
	repeater.start();
	await done.promise;
	await repeater.stop();
	expect(counts.slice(0, 6)).toEqual([0, 1, 1, 1, 2, 2]);
	expect(messages).toEqual([failure, failure]);
});

test("a stop ends a pause, waits for a round in progress, and may be called twice or before the start", async () => {
	const { log } = warnings();
	const pausing = Promise.withResolvers<void>();
	const paused = new Repeater({
		round: async () => {
			pausing.resolve();
			return 3_600_000;
		},
		failure,
		log,
	});
	paused.start();
	await pausing.promise;
	await Promise.all([paused.stop(), paused.stop()]);

	const working = Promise.withResolvers<void>();
	let isDone = false;
	let rounds = 0;
	const busy = new Repeater({
		round: async () => {
			rounds++;
			await working.promise;
			isDone = true;
			return 0;
		},
		failure,
		log,
	});
	busy.start();
	const stopped = busy.stop().then(() => "stopped");
	const turn = new Promise((resolve) => setImmediate(resolve, "waiting"));
	expect(await Promise.race([stopped, turn])).toBe("waiting");
	working.resolve();
	await stopped;
	expect([isDone, rounds]).toEqual([true, 1]);

	const never = new Repeater({ round: () => Promise.reject(new Error("started")), failure, log });
	await never.stop();
	never.start();
	await never.stop();
});
