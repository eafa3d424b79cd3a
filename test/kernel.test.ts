import { describe, expect, test } from "bun:test";
import { canonical, represent, sha256 } from "../src/kernel/canonical.ts";
import type { Actor } from "../src/kernel/change-context.ts";
import { timestamp } from "../src/kernel/clock.ts";
import { isEmail, isPassword, normalizeEmail } from "../src/kernel/credentials.ts";
import { isId, newId } from "../src/kernel/ids.ts";
import { Semaphore, SemaphoreFull } from "../src/kernel/semaphore.ts";
import { TimeoutError, withTimeout } from "../src/kernel/timeout.ts";
import { taskBody, taskListBody } from "../src/tasks/representation.ts";
import { type TaskRow, taskStatuses } from "../src/tasks/store.ts";

/** Any text that can be stored: every plane, quotes, controls, line separators; no NUL, no lone surrogate. */
function anyText(): string {
	const special = [
		'"',
		"\\",
		"/",
		"\b",
		"\f",
		"\n",
		"\r",
		"\t",
		"\u0001",
		"\u001f",
		"\u007f",
		"\u2028",
		"\u2029",
		"\ufeff",
		"</script>",
	];
	const pick = (): string => {
		const dice = Math.random();
		if (dice < 0.4) return special[Math.floor(Math.random() * special.length)] ?? "";
		const code = 1 + Math.floor(Math.random() * 0x10fffe);
		return code >= 0xd800 && code <= 0xdfff ? "x" : String.fromCodePoint(code);
	};
	return Array.from({ length: Math.floor(Math.random() * 20) }, pick).join("");
}

/** A row with values of every kind in its fields, and the body that it stands for. */
function anyTask() {
	const pick = <T>(...values: readonly T[]) => values[Math.floor(Math.random() * values.length)] as T;
	const time = () => 1_700_000_000_000 + Math.floor(Math.random() * 1e9);
	const by = pick<Actor | null>(null, "system", "user/019ab2f0-11aa-7cc3-8d21-3f4b5a6c7d8e");
	const labels = pick([], [anyText()], [anyText(), anyText()]);
	const metadata = pick({}, { [anyText()]: [null, 1.5, { b: anyText(), a: 1e21 }] });
	const note = pick(null, { by: anyText(), text: anyText() });
	const row: TaskRow = {
		...{ id: newId(), seq: 1, updatedSeq: 2, space: 1, openBlockers: 0, etag: null, number: 7 },
		...{ title: anyText(), description: anyText(), version: 1 + Math.floor(Math.random() * 1e9) },
		...{ status: pick(...taskStatuses), statusSince: time(), priority: pick(-100, 0, 7), rank: "a1m" },
		...{ assignee: pick(null, anyText()), claimedBy: pick(null, anyText()), createdBy: by },
		...{ parent: pick(null, newId()), blockedBy: canonical(pick([], [newId()], [newId(), newId()])) },
		...{ labels: canonical(labels), metadata: canonical(metadata), note: note && canonical(note) },
		...{ dueAt: pick(null, time()), deferUntil: pick(null, time()), createdAt: time(), updatedAt: time() },
	};
	const body = {
		...{ assignee: row.assignee, blocked_by: JSON.parse(row.blockedBy), claimed_by: row.claimedBy },
		...{ created_at: timestamp(row.createdAt), created_by: by, description: row.description },
		...{
			defer_until: row.deferUntil && timestamp(row.deferUntil),
			due_at: row.dueAt && timestamp(row.dueAt),
		},
		...{ id: row.id, labels, metadata, note, number: 7, parent: row.parent, priority: row.priority },
		...{ rank: row.rank, status: row.status, status_since: timestamp(row.statusSince), title: row.title },
		...{ updated_at: timestamp(row.updatedAt), version: row.version },
	};
	return { row, body };
}

describe("canonical form", () => {
	test("the bodies of a task and a list are canonical, whatever text they contain", () => {
		for (let round = 0; round < 300; round++) {
			const tasks = Array.from({ length: round % 4 }, anyTask);
			for (const { row, body } of tasks) expect(taskBody(row)).toBe(canonical(body));
			const items = tasks.map(({ body }) => body);
			const next = round % 2 === 0 ? undefined : anyText();
			const list = taskListBody(
				tasks.map(({ row }) => taskBody(row)),
				next,
			);
			expect(list).toBe(canonical({ kind: "tasks", items, next_cursor: next }));
		}
	});

	test("keys are sorted by UTF-16 code unit, numbers and strings written as RFC 8785 requires", () => {
		expect(
			canonical({ "\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\u{1f600}": 5, "\u0080": 6, "\u00f6": 7 }),
		).toBe('{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}');
		expect(canonical([333333333.3333333, 1e30, 4.5, 2e-3, 1e-27, -0, 1e21])).toBe(
			"[333333333.3333333,1e+30,4.5,0.002,1e-27,0,1e+21]",
		);
		expect(canonical({ b: undefined, a: [null, true, '\u000f/"\\'] })).toBe(
			'{"a":[null,true,"\\u000f/\\"\\\\"]}',
		);
		expect(() => canonical(undefined)).toThrow(TypeError);
	});

	test("an ETag is the quoted SHA-256 of the UTF-8 bytes", () => {
		expect(sha256("")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
		expect(represent("ü").etag).toBe(`"${sha256("ü")}"`);
		expect(sha256("ü")).toBe(
			new Bun.CryptoHasher("sha256").update(new Uint8Array([0xc3, 0xbc])).digest("hex"),
		);
	});
});

test("ids are UUIDv7, lower case, and rise with time", async () => {
	const first = newId();
	await Bun.sleep(2);
	const second = newId();
	expect(first < second).toBe(true);
	for (const id of [first, second]) {
		expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
		expect(isId(id)).toBe(true);
	}
	for (const text of [
		"",
		"x",
		first.toUpperCase(),
		`${first} `,
		`${first}\n`,
		first.replaceAll("-", ""),
		`{${first}}`,
	]) {
		expect([text, isId(text)]).toEqual([text, false]);
	}
});

test("a time is RFC 3339 in UTC with milliseconds", () => {
	expect(timestamp(0)).toBe("1970-01-01T00:00:00.000Z");
	expect(timestamp(1_795_421_700_007)).toBe("2026-11-23T08:15:00.007Z");
});

test("a result in time is passed on, a failure too, and no result in time is a TimeoutError", async () => {
	expect(await withTimeout(1000, Promise.resolve(1))).toBe(1);
	expect(withTimeout(1000, Promise.reject(new RangeError("x")))).rejects.toBeInstanceOf(RangeError);
	expect(withTimeout(1, new Promise(() => {}))).rejects.toBeInstanceOf(TimeoutError);
});

test("a time that is over already is a TimeoutError, without a warning of the runtime", async () => {
	const warnings: Error[] = [];
	const keep = (warning: Error) => warnings.push(warning);
	process.on("warning", keep);
	expect(await withTimeout(-1, new Promise(() => {})).catch((error) => error)).toBeInstanceOf(TimeoutError);
	await new Promise(setImmediate);
	process.off("warning", keep);
	expect(warnings).toEqual([]);
});

describe("Semaphore", () => {
	/** Tasks that end when told, and the numbers of those that have begun. */
	function tasks(semaphore: Semaphore) {
		const begun: number[] = [];
		const ends: (() => void)[] = [];
		const start = (number: number) =>
			semaphore.run(() => {
				begun.push(number);
				return new Promise<number>((resolve) => ends.push(() => resolve(number)));
			});
		return { begun, start, end: (index: number) => ends[index]?.() };
	}

	test("runs so many at once, the others in the order in which they came", async () => {
		const { begun, start, end } = tasks(new Semaphore({ concurrentMax: 2 }));
		const all = [1, 2, 3, 4].map(start);
		expect(begun).toEqual([1, 2]);
		end(1);
		expect(await all[1]).toBe(2);
		await Promise.resolve();
		expect(begun).toEqual([1, 2, 3]);
		end(0);
		expect(await all[0]).toBe(1);
		await Promise.resolve();
		expect(begun).toEqual([1, 2, 3, 4]);
		end(2);
		end(3);
		expect(await Promise.all(all)).toEqual([1, 2, 3, 4]);
	});

	test("fails beyond those that may wait, and takes more once there is a place", async () => {
		const { start, end } = tasks(new Semaphore({ concurrentMax: 1, waitingMax: 1 }));
		const first = start(1);
		const second = start(2);
		expect(start(3)).rejects.toBeInstanceOf(SemaphoreFull);
		end(0);
		await first;
		const fourth = start(4);
		end(1);
		expect(await second).toBe(2);
		await Promise.resolve();
		end(2);
		expect(await fourth).toBe(4);
	});

	test("a task that fails frees its place", async () => {
		const semaphore = new Semaphore({ concurrentMax: 1, waitingMax: 0 });
		expect(semaphore.run(() => Promise.reject(new RangeError("x")))).rejects.toBeInstanceOf(RangeError);
		await Promise.resolve();
		await Promise.resolve();
		expect(await semaphore.run(async () => "again")).toBe("again");
	});
});

test("an address is compared in lower case, and a password has its bounds", () => {
	expect(normalizeEmail("  Ada@Example.COM ")).toBe("ada@example.com");
	for (const text of ["a@b", "ada@example.com", `${"x".repeat(64)}@${"y".repeat(189)}`])
		expect(isEmail(text)).toBe(true);
	for (const text of ["", "a", "@b", "a@", "a b@c", "a@b@c", `${"x".repeat(65)}@y`, `x@${"y".repeat(190)}`])
		expect([text, isEmail(text)]).toEqual([text, false]);
	expect([7, 8, 1024, 1025].map((length) => isPassword("x".repeat(length)))).toEqual([
		false,
		true,
		true,
		false,
	]);
});
