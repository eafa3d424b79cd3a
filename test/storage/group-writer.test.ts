import { Database } from "bun:sqlite";
import { describe, expect, spyOn, test } from "bun:test";
import type { Unit } from "../../src/kernel/unit-of-work.ts";
import { type GroupResult, GroupWriter } from "../../src/storage/group-writer.ts";
import { migrate } from "../../src/storage/sqlite/migrate.ts";
import { SqliteWriter } from "../../src/storage/sqlite/writer.ts";
import { type PendingWrite, writeLimits } from "../../src/storage/write-queue.ts";
import { recordedLog } from "../support/log.ts";

function unit<T>(decide: () => T, textLength = 0): Unit<T> {
	return { reads: [], textLength, decide };
}

/** A writer whose database takes a group and never answers, or answers when the test lets it. */
class SilentWriter extends GroupWriter {
	protected readonly commitBlocks = false;
	readonly groups: (readonly PendingWrite[])[] = [];
	#answer = Promise.withResolvers<GroupResult>();

	constructor(limits: Partial<typeof writeLimits> = {}) {
		super(recordedLog().log, { ...writeLimits, ...limits });
	}

	protected async commit(group: readonly PendingWrite[]): Promise<GroupResult> {
		this.groups.push(group);
		const result = await this.#answer.promise;
		for (const write of group) write.succeed(write.unit.decide(undefined as never));
		return result;
	}

	answer(): void {
		this.#answer.resolve("done");
	}

	protected toAppError(error: unknown): unknown {
		return error;
	}
}

const unavailable = { code: "unavailable", details: { retryAfterSeconds: 1 } };

describe("a group writer", () => {
	test("rejects every write by its deadline while the database is silent, in the current group and behind it", async () => {
		const writer = new SilentWriter({ waitMsMax: 50, groupWeightMax: 2 });
		const started = performance.now();
		const first = Array.from({ length: 5 }, () => writer.run(unit(() => 1)));
		const outcomes = await Promise.allSettled(first);
		for (const outcome of outcomes)
			expect(outcome).toMatchObject({ status: "rejected", reason: unavailable });
		expect(performance.now() - started).toBeLessThan(5000);
		expect(writer.groups.map(({ length }) => length)).toEqual([2]);
		// A later write waits no longer.
		const later = await Promise.allSettled([writer.run(unit(() => 1))]);
		expect(later[0]).toMatchObject({ status: "rejected", reason: unavailable });
		expect(writer.counts.waiting).toBe(0);
		// What has been told is done with: no timer is set for it again and again.
		const timers = spyOn(globalThis, "setTimeout");
		await Bun.sleep(20);
		// Other parts of this process set timers too; only a queue's own, and only one that is due at once, is wrong.
		const ofQueue = timers.mock.calls.filter(
			([callback, delay = 0]) => String(callback).includes("#expire") && delay < 1,
		);
		timers.mockRestore();
		expect(ofQueue).toEqual([]);
		writer.answer();
		expect(await writer.run(unit(() => 2))).toBe(2);
	});

	test("bounds its queue by the text in it, whatever the number of units", async () => {
		const writer = new SilentWriter({ waitingTextMax: 1500, groupTextMax: 500 });
		const accepted = [400, 100, 600, 300].map((length) => writer.run(unit(() => length, length)));
		expect(writer.run(unit(() => 0, 200))).rejects.toMatchObject(unavailable);
		expect(writer.counts.waiting).toBe(4);
		await nextTurn();
		// The first two are in progress now, and no longer in the queue.
		expect(writer.counts.waiting).toBe(2);
		const small = writer.run(unit(() => 1, 200));
		writer.answer();
		expect(await Promise.all([...accepted, small])).toEqual([400, 100, 600, 300, 1]);
		expect(writer.groups.map((group) => group.map((write) => write.unit.textLength))).toEqual([
			[400, 100],
			[600],
			[300, 200],
		]);
		// One unit may be larger than the bound: otherwise it could never be written.
		expect(await writer.run(unit(() => 2, 9000))).toBe(2);
	});

	test("continues after a group whose commit throws, and rejects its writes", async () => {
		class Throwing extends SilentWriter {
			override async commit(group: readonly PendingWrite[]): Promise<GroupResult> {
				if (this.groups.push(group) === 1) throw new Error("broken");
				for (const write of group) write.succeed(write.unit.decide(undefined as never));
				return "done";
			}
		}
		const writer = new Throwing();
		expect(writer.run(unit(() => 1))).rejects.toThrow("broken");
		await nextTurn();
		expect(await writer.run(unit(() => 2))).toBe(2);
		await writer.stop();
		expect(writer.run(unit(() => 3))).rejects.toMatchObject(unavailable);
	});
});

describe("the writer of SQLite", () => {
	/** A database whose next rollbacks fail, as after a disk failure. */
	function failingRollback(failures: number) {
		const database = new Database(":memory:", { strict: true });
		migrate(database, () => {});
		database.run("CREATE TABLE notes (id integer PRIMARY KEY)");
		const query = database.query.bind(database) as (text: string) => object;
		let left = failures;
		Object.assign(database, {
			query(text: string) {
				const statement = query(text);
				if (text !== "ROLLBACK") return statement;
				const rollback = () => {
					if (left-- > 0) throw new Error("disk I/O error");
					database.run("ROLLBACK");
				};
				return { run: rollback };
			},
		});
		return database;
	}

	test("rejects its writes when even the rollback fails, and continues once it succeeds", async () => {
		const database = failingRollback(3);
		const writer = new SqliteWriter(database, new Map(), recordedLog().log, () => {});
		const insert = () => database.run("INSERT INTO notes VALUES (1)");
		const fail = () => {
			insert();
			throw new Error("a defect");
		};
		const outcomes = await Promise.allSettled([writer.run(unit(insert)), writer.run(unit(fail))]);
		expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
		// The transaction is still open: no other one can begin.
		const [second] = await Promise.allSettled([writer.run(unit(insert))]);
		expect(second?.status).toBe("rejected");
		await writer.run(unit(insert));
		expect(database.query("SELECT count(*) AS count FROM notes").get()).toEqual({ count: 1 });
		await writer.stop();
	});
});

function nextTurn(): Promise<void> {
	return new Promise((resolve) => setImmediate(resolve));
}
