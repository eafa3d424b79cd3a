import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { type GroupResult, GroupWriter } from "../../src/storage/group-writer.ts";
import { SqliteWriter } from "../../src/storage/sqlite/writer.ts";
import { type PendingWrite, writeLimits } from "../../src/storage/write-queue.ts";
import type { Unit } from "../../src/unit-of-work.ts";
import { recordedLog } from "../support/log.ts";

function unit<T>(decide: () => T, textLength = 0): Unit<T> {
	return { reads: [], textLength, decide };
}

/** A writer whose database takes a group and never answers, or answers when told to. */
class SilentWriter extends GroupWriter {
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

	protected loggable(): object {
		return {};
	}
}

const unavailable = { code: "unavailable", details: { retryAfterSeconds: 1 } };

describe("a group writer", () => {
	test("tells every caller by the deadline, of a group under way and of those behind it, that the database is silent", async () => {
		const writer = new SilentWriter({ waitMsMax: 50, groupWeightMax: 2 });
		const started = performance.now();
		const first = Array.from({ length: 5 }, () => writer.run(unit(() => 1)));
		const outcomes = await Promise.allSettled(first);
		for (const outcome of outcomes)
			expect(outcome).toMatchObject({ status: "rejected", reason: unavailable });
		expect(performance.now() - started).toBeLessThan(5000);
		expect(writer.groups.map(({ length }) => length)).toEqual([2]);
		// Whoever comes later waits no longer.
		const later = await Promise.allSettled([writer.run(unit(() => 1))]);
		expect(later[0]).toMatchObject({ status: "rejected", reason: unavailable });
		expect(writer.counts.waiting).toBe(0);
		writer.answer();
		expect(await writer.run(unit(() => 2))).toBe(2);
	});

	test("bounds its queue by the text that waits in it, whatever the number of units", async () => {
		const writer = new SilentWriter({ waitingTextMax: 1500, groupTextMax: 500 });
		const accepted = [400, 100, 600, 300].map((length) => writer.run(unit(() => length, length)));
		expect(writer.run(unit(() => 0, 200))).rejects.toMatchObject(unavailable);
		expect(writer.counts.waiting).toBe(4);
		await nextTurn();
		// The first two are under way now, and make room.
		expect(writer.counts.waiting).toBe(2);
		const small = writer.run(unit(() => 1, 200));
		writer.answer();
		expect(await Promise.all([...accepted, small])).toEqual([400, 100, 600, 300, 1]);
		expect(writer.groups.map((group) => group.map((write) => write.unit.textLength))).toEqual([
			[400, 100],
			[600],
			[300, 200],
		]);
		// One unit may be larger than the bound: it would never have its turn otherwise.
		expect(await writer.run(unit(() => 2, 9000))).toBe(2);
	});

	test("goes on after a group whose commit throws, and tells its callers", async () => {
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
	/** A database whose next rollbacks fail, as on a disk that is gone. */
	function failingRollback(failures: number) {
		const database = new Database(":memory:", { strict: true });
		for (const statement of [
			"CREATE TABLE log_head (one integer PRIMARY KEY, rev integer NOT NULL)",
			"INSERT INTO log_head VALUES (1, 0)",
			"CREATE TABLE revisions (collection text PRIMARY KEY, rev integer NOT NULL)",
			"CREATE TABLE events (id, type, subject, data, request_id, time)",
			"CREATE TABLE notes (id integer PRIMARY KEY)",
		])
			database.run(statement);
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

	test("tells its callers when even the rollback fails, and goes on once it succeeds", async () => {
		const database = failingRollback(3);
		const writer = new SqliteWriter(database, new Map(), recordedLog().log, () => {});
		const insert = () => database.run("INSERT INTO notes VALUES (1)");
		const fail = () => {
			insert();
			throw new Error("a defect");
		};
		const outcomes = await Promise.allSettled([writer.run(unit(insert)), writer.run(unit(fail))]);
		expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
		// The transaction is open still: nothing can begin inside it.
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
