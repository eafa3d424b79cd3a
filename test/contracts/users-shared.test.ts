import { describe, expect, test } from "bun:test";
import postgres from "postgres";
import { newId } from "../../src/kernel/ids.ts";
import { systemContext } from "../support/context.ts";
import { durableDatabases } from "../support/databases.ts";
import { fromSource, runProgram } from "../support/process.ts";
import { runSql } from "../support/sql.ts";
import { openTestStorage } from "../support/storage.ts";
import { usersOf } from "../support/users.ts";

const newUser = (email: string) => ({ id: newId(), email, passwordHash: "h", now: 1 });
const email = "ada@example.com";

describe.each([...durableDatabases])("users on $name, which several processes share", ({ newUrl }) => {
	test("of several processes that add one address at once, one does", async () => {
		const url = await newUrl();
		await (await openTestStorage(url)).stop();
		const runs = await Promise.all(
			[email, email.toUpperCase(), email].map((address) =>
				runProgram(
					[...fromSource, "user", "add", address],
					{ DATABASE_URL: url },
					{ stdin: "correct horse battery\n" },
				),
			),
		);
		const taken = `orchestrator: There is a user ${email} already.\n`;
		expect(runs.toSorted((one, other) => one.code - other.code)).toEqual([
			{ code: 0, stdout: `Added ${email}.\n`, stderr: "" },
			{ code: 1, stdout: "", stderr: taken },
			{ code: 1, stdout: "", stderr: taken },
		]);
		const { users } = await openTestStorage(url);
		expect((await users.list()).map((user) => user.email)).toEqual([email]);
	}, 60_000);

	test("of many units of two processes that add one address at once, one does", async () => {
		const url = await newUrl();
		const storages = [await openTestStorage(url), await openTestStorage(url)];
		for (let round = 0; round < 5; round++) {
			const added = await Promise.all(
				storages.flatMap((storage) => [1, 2, 3].map(() => usersOf(storage).add(newUser(`${round}@x`)))),
			);
			expect(added.filter(Boolean)).toHaveLength(1);
		}
	});
});

const [onPostgres] = durableDatabases.filter(({ name }) => name === "Postgres");

describe.if(onPostgres !== undefined)("users on Postgres, beside a server of the version before", () => {
	/** A storage, and a transaction that changes users as that version did: without the lock of the log's head. */
	async function opened() {
		const url = (await onPostgres?.newUrl()) ?? "";
		const storage = await openTestStorage(url);
		const users = usersOf(storage);
		const older = postgres(url, { max: 1, onnotice() {} });

		/** Runs `statement`, waits until `change` waits for its transaction, then commits. */
		async function beside<T>(statement: string, change: () => Promise<T>): Promise<T> {
			let outcome: Promise<T> | undefined;
			await older.begin(async (tx) => {
				await tx.unsafe(statement);
				outcome = change();
				outcome.catch(() => {});
				const waiting = `SELECT 1 FROM pg_stat_activity
					WHERE datname = current_database() AND wait_event_type = 'Lock'`;
				while ((await runSql(url, waiting)).length === 0) await Bun.sleep(5);
			});
			await older.end();
			return outcome as Promise<T>;
		}
		return { storage, users, beside };
	}

	const insert = `INSERT INTO users (id, email, password_hash, token_generation, created_at)
		VALUES ('${newId()}', '${email}', 'older', 1, 0)`;

	test("an address that it takes meanwhile is taken: the other units of the group are done", async () => {
		const { storage, users, beside } = await opened();
		const outcomes = await beside(insert, () =>
			Promise.all([
				users.add(newUser("grace@example.com")),
				users.add(newUser(email)),
				users.add(newUser("mary@example.com")),
				storage.tasks.create({
					id: newId(),
					author: "Ada",
					task: { title: "of another person" },
					idempotent: undefined,
					now: 1,
					context: systemContext,
				}),
			]),
		);
		expect(outcomes).toMatchObject([true, false, true, { replayed: false }]);
		expect((await users.list()).map((user) => user.email)).toEqual([
			email,
			"grace@example.com",
			"mary@example.com",
		]);
		expect(await users.findByEmail(email)).toMatchObject({ passwordHash: "older", name: null });
		expect((await storage.events.range()).rev).toBe(1);
	});

	test("an address that it takes meanwhile is taken for a unit that is alone, too", async () => {
		const { users, beside } = await opened();
		expect(await beside(insert, () => users.add(newUser(email)))).toBe(false);
		expect(await users.list()).toMatchObject([{ passwordHash: "older" }]);
	});

	test("a password that it sets meanwhile stays when the user takes a name", async () => {
		const { users, beside } = await opened();
		const user = newUser(email);
		await users.add(user);
		const statement = "UPDATE users SET password_hash = 'newer', token_generation = token_generation + 1";
		const after = { name: "Ada", passwordHash: "newer", tokenGeneration: 2 };
		expect(await beside(statement, () => users.rename(user.id, "Ada"))).toMatchObject(after);
		expect(await users.list()).toMatchObject([after]);
	});

	test("a user whom it removes meanwhile is gone", async () => {
		const { users, beside } = await opened();
		await users.add(newUser(email));
		expect(await beside("DELETE FROM users", () => users.setPassword(email, "late"))).toBe(false);
		expect(await users.list()).toEqual([]);
	});
});
