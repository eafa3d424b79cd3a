import { describe, expect, test } from "bun:test";
import type { NewAccessToken } from "../../src/auth/access-tokens.ts";
import { accessTokens as collection, formerActors } from "../../src/auth/store.ts";
import { TokenUses } from "../../src/auth/token-uses.ts";
import { newId } from "../../src/kernel/ids.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { silentLog } from "../support/server.ts";
import { accessTokensOf } from "../support/tokens.ts";
import { usersOf } from "../support/users.ts";

const start = 1_700_000_000_123;
const dayMs = 86_400_000;
const hourMs = 3_600_000;

/** The contract of access tokens and of the names of former actors on every database. `open` returns an empty storage. */
export function accessTokenStoreContract(open: () => Promise<Storage>): void {
	/** A storage with two users, and a clock that stands still until a test moves it. */
	async function opened() {
		const storage = await open();
		let now = start;
		const tokens = accessTokensOf(storage, () => now);
		const users = usersOf(storage);
		const [ada, grace] = [newId(), newId()];
		for (const [id, email, name] of [
			// The first user owns the default space and cannot be removed.
			[newId(), "owner@example.com", undefined],
			[ada, "ada@example.com", "Ada"],
			[grace, "grace@example.com", undefined],
		] as const) {
			await users.add({ id, email, name, passwordHash: "h", now: 1 });
		}
		const given: NewAccessToken = { userId: ada, name: "agent", scopes: ["jobs"], spaces: null };
		async function add(more: Partial<NewAccessToken> = {}) {
			const issued = await tokens.add({ ...given, ...more });
			if (issued === undefined) throw new Error("the user is gone");
			return issued;
		}
		const pass = (milliseconds: number) => {
			now += milliseconds;
		};
		return { storage, tokens, users, ada, grace, given, add, pass, clock: () => now };
	}

	describe("access tokens", () => {
		test("an added token is found by its text, with its user, and listed in the order of making", async () => {
			const { tokens, users, ada, grace, add, storage } = await opened();
			const first = await add({
				name: "Night 👩‍👩‍👧 'shift' \\ \"",
				scopes: ["tasks:write", "jobs", "tasks:write"],
				spaces: [10, 2, 10],
				expiresInDays: 365,
			});
			expect(first.text).toMatch(/^orc_[0-9A-Za-z]{43}$/);
			expect(first.token).toEqual({
				id: expect.any(String),
				userId: ada,
				name: "Night 👩‍👩‍👧 'shift' \\ \"",
				scopes: ["jobs", "tasks:write"],
				spaces: [2, 10],
				createdAt: start,
				expiresAt: start + 365 * dayMs,
				lastUsedAt: null,
			});
			const second = await add({ userId: grace });
			const third = await add({ spaces: [] });
			expect([second.token.spaces, second.token.expiresAt, third.token.spaces]).toEqual([null, null, []]);
			for (const { text, token } of [first, second, third]) {
				const user = await users.find(token.userId);
				expect(await tokens.find(text)).toEqual({ kind: "token", user: user as never, token });
			}
			expect(await tokens.list()).toEqual([first.token, second.token, third.token]);
			expect(await tokens.list(ada)).toEqual([first.token, third.token]);
			expect(await tokens.list(newId())).toEqual([]);
			expect(await storage.accessTokens.find(first.token.id)).toMatchObject({
				scopes: '["jobs","tasks:write"]',
			});
			expect(JSON.stringify(await storage.accessTokens.list())).not.toContain(first.text.slice(4));
			expect((await storage.events.range()).rev).toBe(0);
		});

		test("a token is found with its user as it is now, and after a new password too", async () => {
			const { tokens, users, ada, add } = await opened();
			const { text } = await add();
			await users.rename(ada, "Countess");
			expect(await tokens.find(text)).toMatchObject({ user: { name: "Countess", tokenGeneration: 1 } });
			await users.setPassword("ada@example.com", "new");
			expect(await tokens.find(text)).toMatchObject({ user: { passwordHash: "new", tokenGeneration: 2 } });
		});

		test("a text that was never issued is not found, and asks the database only where it could have been", async () => {
			const { storage, add, clock } = await opened();
			const asked: string[] = [];
			const findByHash: Storage["accessTokens"]["findByHash"] = (hash) => {
				asked.push(hash);
				return storage.accessTokens.findByHash(hash);
			};
			const tokens = accessTokensOf(
				{ ...storage, accessTokens: { ...storage.accessTokens, findByHash } },
				clock,
			);
			const { text } = await add();
			for (const forged of [
				"",
				"orc_",
				`${text}x`,
				text.slice(0, -1),
				text.toLowerCase(),
				`orc_${"a".repeat(43)}`,
			]) {
				expect(await tokens.find(forged)).toBeUndefined();
			}
			expect(asked).toEqual([]);
			expect(await tokens.find(text)).toBeDefined();
			expect(asked).toHaveLength(1);
		});

		test("a token expires by the clock, and is listed until it is removed", async () => {
			const { tokens, ada, add, pass } = await opened();
			const { text, token } = await add({ expiresInDays: 1 });
			pass(dayMs - 1);
			expect(await tokens.find(text)).toBeDefined();
			pass(1);
			expect(await tokens.find(text)).toBeUndefined();
			expect(await tokens.list(ada)).toEqual([token]);
		});

		test("a removed token is gone at once, and its name is kept", async () => {
			const { storage, tokens, ada, grace, add } = await opened();
			const { text, token } = await add();
			const other = await add();
			for (const [id, userId] of [
				[token.id, grace],
				[newId(), ada],
				["no id", ada],
				["no id", undefined],
			] as const) {
				const [outcome] = await Promise.allSettled([tokens.remove(id, userId)]);
				expect(outcome).toMatchObject({ status: "rejected", reason: { code: "not_found" } });
			}
			expect(await tokens.find(text)).toBeDefined();
			const outcomes = await Promise.allSettled([1, 2, 3].map(() => tokens.remove(token.id, ada)));
			expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
			expect(await tokens.find(text)).toBeUndefined();
			expect(await tokens.list()).toEqual([other.token]);
			expect(await storage.formerActors.find(`token/${token.id}`)).toEqual({
				actor: `token/${token.id}`,
				name: "agent",
				userId: ada,
			});
			expect(await storage.formerActors.find(`token/${other.token.id}`)).toBeUndefined();
			expect((await tokens.remove(other.token.id)).id).toBe(other.token.id);
		});

		test("a user's tokens end with the user, those of others stay, and all names are kept", async () => {
			const { storage, tokens, users, ada, grace, given, add } = await opened();
			const mine = [await add({ name: "one" }), await add({ name: "two" })];
			const other = await add({ userId: grace });
			expect(await users.remove("ADA@example.com")).toBe(true);
			for (const { text, token } of mine) {
				expect(await tokens.find(text)).toBeUndefined();
				expect(await storage.formerActors.find(`token/${token.id}`)).toMatchObject({
					name: token.name,
					userId: ada,
				});
			}
			expect(await storage.formerActors.find(`user/${ada}`)).toEqual({
				actor: `user/${ada}`,
				name: "Ada",
				userId: null,
			});
			expect(await tokens.list()).toEqual([other.token]);
			expect(await tokens.find(other.text)).toBeDefined();
			expect(await tokens.add(given)).toBeUndefined();
			await users.remove("grace@example.com");
			expect(await storage.formerActors.find(`user/${grace}`)).toMatchObject({ name: "grace" });
			expect(await tokens.list()).toEqual([]);
		});

		test("a token that is added while its user is removed ends too, and none is added after", async () => {
			const { storage, tokens, users, given } = await opened();
			const [before, removed, beside] = await Promise.all([
				tokens.add(given),
				users.remove("ada@example.com"),
				tokens.add(given),
			]);
			expect([before !== undefined, removed]).toEqual([true, true]);
			expect(await tokens.add(given)).toBeUndefined();
			expect(await storage.accessTokens.list()).toEqual([]);
			for (const issued of [before, beside]) {
				if (issued === undefined) continue;
				expect(await tokens.find(issued.text)).toBeUndefined();
				expect(await storage.formerActors.find(`token/${issued.token.id}`)).toBeDefined();
			}
		});

		test("a user has at most 100, however many are added at once, and a removed one makes room", async () => {
			const { tokens, ada, grace, add } = await opened();
			await Promise.all(Array.from({ length: 98 }, () => add({ expiresInDays: 1 })));
			const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => add()));
			const refused = outcomes.filter(({ status }) => status === "rejected");
			expect(refused).toHaveLength(3);
			for (const one of refused) expect(one).toMatchObject({ reason: { code: "conflict" } });
			expect(await tokens.list(ada)).toHaveLength(100);
			await add({ userId: grace });
			const [first] = await tokens.list(ada);
			const [, next] = await Promise.all([tokens.remove(first?.id ?? "", ada), add()]);
			expect(next.text).toStartWith("orc_");
			expect(await tokens.list(ada)).toHaveLength(100);
		});

		test("the last use is written once an hour at most, by all replicas together", async () => {
			const { storage, tokens, ada, add, pass, clock } = await opened();
			let units = 0;
			const run: Storage["run"] = (unit) => {
				units++;
				return storage.run(unit);
			};
			const log = await silentLog();
			/** Notes the use of tokens as they are found; returns how many units of work that took. */
			async function use(...texts: readonly string[]): Promise<number> {
				units = 0;
				const replicas = [new TokenUses({ run, clock, log }), new TokenUses({ run, clock, log })];
				for (const text of texts) {
					const found = await tokens.find(text);
					for (const uses of replicas) if (found !== undefined) uses.note(found.token);
				}
				await Promise.all(replicas.map((uses) => uses.stop()));
				return units;
			}
			const lastUses = async () => (await tokens.list(ada)).map(({ lastUsedAt }) => lastUsedAt);
			const [one, other] = [await add(), await add()];
			expect(await use(one.text, one.text)).toBe(2);
			expect(await lastUses()).toEqual([start, null]);
			pass(hourMs - 1);
			expect(await use(one.text, other.text)).toBe(2);
			expect(await lastUses()).toEqual([start, start + hourMs - 1]);
			pass(1);
			expect(await use(one.text, other.text)).toBe(2);
			expect(await lastUses()).toEqual([start + hourMs, start + hourMs - 1]);
			pass(-dayMs);
			expect(await use(one.text, other.text)).toBe(0);
			expect(await tokens.find(one.text)).toMatchObject({ token: { lastUsedAt: start + hourMs } });
		});

		test("the last uses of many tokens are written, and those of removed ones are passed over", async () => {
			const { storage, tokens, users, clock } = await opened();
			const log = await silentLog();
			const uses = new TokenUses({ run: storage.run, clock, log });
			const ids = Array.from({ length: 6 }, () => newId());
			for (const id of ids) await users.add({ id, email: `${id}@example.com`, passwordHash: "h", now: 1 });
			await Promise.all(
				ids.flatMap((userId) =>
					Array.from({ length: 100 }, () =>
						tokens.add({ userId, name: "n", scopes: ["jobs"], spaces: null }),
					),
				),
			);
			const all = await tokens.list();
			expect(all).toHaveLength(600);
			for (const token of all) uses.note(token);
			await tokens.remove(all[0]?.id ?? "");
			uses.note({ id: newId(), lastUsedAt: null });
			await uses.stop();
			expect(new Set((await tokens.list()).map(({ lastUsedAt }) => lastUsedAt))).toEqual(new Set([start]));
			expect(await tokens.list()).toHaveLength(599);
		});

		test("a unit that uses a token which is not in its read set throws", async () => {
			const { storage, ada, grace, add } = await opened();
			const { token } = await add();
			const row = await storage.accessTokens.find(token.id);
			if (row === undefined) throw new Error("there is no row");
			for (const [readSet, use] of [
				[{ userIds: [ada] }, "find"],
				[{ ids: [token.id] }, "ofUser"],
				[{ userIds: [grace] }, "ofUser"],
				[{ ids: [newId()], userIds: [grace] }, "update"],
				[{}, "remove"],
			] as const) {
				const [outcome] = await Promise.allSettled([
					storage.run<unknown>({
						reads: [collection.reads(readSet), formerActors.inserts()],
						decide(work) {
							const rows = work.rows(collection);
							if (use === "find") return rows.find(token.id);
							if (use === "ofUser") return rows.ofUser(ada);
							return rows[use]({ ...row, name: "lost" });
						},
					}),
				]);
				expect(outcome).toMatchObject({ status: "rejected", reason: { name: "ReadSetError" } });
			}
			expect(await storage.accessTokens.list()).toEqual([row]);
		});
	});
}
