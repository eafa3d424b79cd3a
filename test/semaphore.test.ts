import { expect, test } from "bun:test";
import { Semaphore } from "../src/semaphore.ts";

/** Jobs that end when the test ends them. */
function heldJobs() {
	const started: string[] = [];
	const ends = new Map<string, () => void>();
	const job = (name: string) => () => {
		started.push(name);
		return new Promise<string>((resolve) => ends.set(name, () => resolve(name)));
	};
	return { started, job, end: (name: string) => ends.get(name)?.() };
}

test("no more jobs run at once than allowed; the rest follow in order, also after a failed one", async () => {
	const semaphore = new Semaphore(2);
	const { started, job, end } = heldJobs();
	const failing = semaphore.run(() => Promise.reject(new Error("failed")));
	const running = ["a", "b", "c"].map((name) => semaphore.run(job(name)));
	expect(started).toEqual(["a"]);
	expect(await failing.catch(({ message }) => message)).toBe("failed");
	expect(started).toEqual(["a", "b"]);
	end("b");
	expect(await running[1]).toBe("b");
	expect(started).toEqual(["a", "b", "c"]);
	running.push(semaphore.run(job("d")));
	expect(started).toEqual(["a", "b", "c"]);
	end("a");
	await running[0];
	end("c");
	end("d");
	expect(await Promise.all(running)).toEqual(["a", "b", "c", "d"]);
});

test("a job beyond the bound on waiting jobs is rejected", async () => {
	const semaphore = new Semaphore(1, { waitingMax: 1, refuse: () => new RangeError("full") });
	const { started, job, end } = heldJobs();
	const running = [semaphore.run(job("a")), semaphore.run(job("b"))];
	expect(await semaphore.run(job("c")).catch((error) => error)).toBeInstanceOf(RangeError);
	end("a");
	await running[0];
	expect(started).toEqual(["a", "b"]);
	end("b");
	expect(await running[1]).toBe("b");
});
