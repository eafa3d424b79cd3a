import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Scope, scopes } from "../../src/auth/store.ts";
import type { Role } from "../../src/spaces/store.ts";
import {
	type CredentialCase,
	expectedStatus,
	type Holder,
	operations,
	type Place,
	type Roles,
} from "../support/access-matrix.ts";
import { ask, errorOf } from "../support/ask.ts";
import { everyDatabase } from "../support/databases.ts";
import { documentOf } from "../support/document.ts";
import { startServer, type TestServer, testApiKey } from "../support/server.ts";
import { addMember } from "../support/spaces.ts";
import { addToken } from "../support/tokens.ts";

// Thousands of requests.
setDefaultTimeout(120_000);

const types: Readonly<Record<number, string>> = { 401: "unauthorized", 403: "forbidden", 404: "not_found" };

/** A server with the spaces `acme` and `other`, each with a task and an ended job, and every kind of credential. */
async function filled(env: Record<string, string>) {
	const server = await startServer({ ...env, METRICS: "on" });
	const spaceIds = await makeSpaces(server);
	const ids: Record<string, { task: string; job: string }> = {};
	for (const space of ["default", "acme"]) ids[space] = await fill(server, space);
	return { server, ids, credentials: await credentialsOf(server, spaceIds) };
}

async function makeSpaces(server: TestServer): Promise<ReadonlyMap<string, number>> {
	for (const name of ["acme", "other"]) {
		const headers = { authorization: server.bearer };
		expect((await ask(server, "POST /spaces", { headers, body: { name } })).status).toBe(200);
	}
	return new Map((await server.storage.spaces.list()).map(({ id, name }) => [name, id]));
}

async function fill(server: TestServer, space: string): Promise<{ task: string; job: string }> {
	const headers = { authorization: server.bearer };
	const post = async (path: string, body: object) =>
		(await ask(server, `POST /spaces/${space}${path}`, { headers, body })).json as {
			id: string;
			items: { id: string; lease: { fence: number } }[];
		};
	const { id: task } = await post("/collab/tasks", { title: "a task" });
	await post("/jobs", { kind: "k" });
	const [job] = (await post("/jobs/lease", { worker: "w" })).items;
	await post(`/jobs/${job?.id}/complete`, { fence: job?.lease.fence });
	return { task, job: job?.id ?? "" };
}

async function credentialsOf(
	server: TestServer,
	spaceIds: ReadonlyMap<string, number>,
): Promise<Record<string, CredentialCase>> {
	const cases: Record<string, CredentialCase> = { nobody: { headers: {} } };
	const jwts: Record<string, string> = {};
	for (const role of ["reader", "writer", "owner"] as const) {
		const email = `${role}@example.com`;
		const authorization = await addMember(server, email, role);
		await addMember(server, email, role, spaceIds.get("acme"));
		await addMember(server, email, role, spaceIds.get("other"));
		const roles: Roles = { default: role, acme: role, other: role };
		jwts[role] = authorization;
		cases[role] = { headers: { authorization }, bearer: { kind: "jwt", roles } };
		for (const scope of scopes) {
			await addTokenCases(server, cases, `${role}: token for ${scope}`, authorization, [scope], roles);
		}
	}
	const outside = await addMember(server, "outsider@example.com", "owner", spaceIds.get("other"));
	const roles: Roles = { default: "writer", other: "owner" };
	cases["a member of another space"] = {
		headers: { authorization: outside },
		bearer: { kind: "jwt", roles },
	};
	await addTokenCases(server, cases, "a token of that member", outside, scopes, roles);
	const owner: Roles = { default: "owner", acme: "owner", other: "owner" };
	for (const space of ["other", "default", "acme"]) {
		const name = `a token for the space ${space} alone`;
		await addTokenCases(server, cases, name, jwts.owner ?? "", scopes, owner, [space]);
	}
	return { ...cases, ...programs(jwts) };
}

/** The token as Bearer, and as X-API-Key. */
async function addTokenCases(
	server: TestServer,
	cases: Record<string, CredentialCase>,
	name: string,
	authorization: string,
	granted: readonly Scope[],
	roles: Roles,
	spaces?: readonly string[],
): Promise<void> {
	const body = { scopes: granted, ...(spaces && { spaces }) };
	const { token } = await addToken({ url: server.url, authorization }, body);
	const holder: Holder = { kind: "token", roles, scopes: granted, ...(spaces && { spaces }) };
	cases[name] = { headers: { authorization: `Bearer ${token}` }, bearer: holder };
	cases[`${name} as X-API-Key`] = {
		headers: { "x-api-key": token },
		key: { ...holder, isAccessToken: true },
	};
}

/** Keys, what is wrong, and what is sent together. */
function programs(jwts: Record<string, string>): Record<string, CredentialCase> {
	const authorization = jwts.writer ?? "";
	const of = (role: Role): Roles => ({ default: role, acme: role, other: role });
	const writer: Holder = { kind: "jwt", roles: of("writer") };
	const wrong: Holder = { kind: "wrong" };
	const wrongKey = { kind: "wrong", isAccessToken: false } as const;
	const key = { kind: "key", isAccessToken: false } as const;
	const forged = `orc_${"a".repeat(43)}`;
	return {
		"an API key": { headers: { "x-api-key": testApiKey }, key },
		"a wrong API key": { headers: { "x-api-key": "wrong-key-of-sixteen" }, key: wrongKey },
		"a wrong JWT": { headers: { authorization: `${authorization}x` }, bearer: wrong },
		"a wrong token": { headers: { authorization: `Bearer ${forged}` }, bearer: wrong },
		"a wrong token as X-API-Key": {
			headers: { "x-api-key": forged },
			key: { kind: "wrong", isAccessToken: true },
		},
		"a JWT and a wrong API key": {
			headers: { authorization, "x-api-key": "wrong-key-of-sixteen" },
			bearer: writer,
			key: wrongKey,
		},
		"a JWT and an API key": {
			headers: { authorization, "x-api-key": testApiKey },
			bearer: writer,
			key,
		},
		"a wrong JWT and an API key": {
			headers: { authorization: `${authorization}x`, "x-api-key": testApiKey },
			bearer: wrong,
			key,
		},
	};
}

/** Where an operation is asked for. Nothing is at `nowhere`. */
function placesOf(path: string): readonly Place[] {
	const at = (space: string, prefix = `/spaces/${space}`) => ({ prefix, space });
	if (/^\/(collab|events|jobs)/.test(path)) {
		return [at("default", ""), at("default"), at("acme"), at("nowhere")];
	}
	if (path.startsWith("/spaces/{space}")) return ["default", "acme", "nowhere"].map((space) => at(space, ""));
	return [at("default", "")];
}

type Line = `${string} /${string}`;

describe("the order of checks in a space", async () => {
	const { server, ids, credentials } = await filled({ DATABASE_URL: "sqlite://:memory:", READS: "public" });
	const headersOf = (who: string) => credentials[who]?.headers ?? {};
	const task = `/collab/tasks/${ids.acme?.task}`;
	const foreign = `/collab/tasks/${ids.default?.task}`;
	const writer = headersOf("writer");
	const wrong = headersOf("a wrong JWT");
	const text = { body: "{", contentType: "text/plain" };

	// Each line has every fault that the checks after the one that fails would find.
	test.each([
		["PATCH /spaces/nowhere/collab/nothing", wrong, 404, "There is nothing at this path."],
		["PUT /spaces/nowhere/collab/tasks", wrong, 405, "This path knows OPTIONS, POST."],
		["PATCH /spaces/nowhere/collab/tasks/x", wrong, 401, undefined],
		["PATCH /spaces/nowhere/collab/tasks/x", {}, 401, undefined],
		["PATCH /spaces/nowhere/collab/tasks/x", writer, 404, "There is no such space."],
		["PATCH /spaces/acme/collab/tasks/x", headersOf("reader"), 403, undefined],
		["PATCH /spaces/acme/collab/tasks/x", headersOf("writer: token for jobs"), 403, undefined],
		["PATCH /spaces/acme/collab/tasks/x", writer, 404, "There is no such task."],
		[`PATCH /spaces/acme${foreign}`, writer, 404, "There is no such task."],
		[`PATCH /spaces/acme${task}`, writer, 428, undefined],
		[`PATCH /spaces/acme${task}`, { ...writer, "if-match": '*, "x"' }, 400, undefined],
		[`PATCH /spaces/acme${task}`, { ...writer, "if-match": '"x"' }, 412, undefined],
		[`PATCH /spaces/acme${task}`, { ...writer, "if-match": "*" }, 415, undefined],
		["POST /spaces/nowhere/jobs/x/complete", {}, 401, undefined],
		["POST /spaces/nowhere/jobs/x/complete", writer, 404, "There is no such space."],
		["POST /spaces/acme/jobs/x/complete", headersOf("reader"), 403, undefined],
		["POST /spaces/acme/jobs/x/complete", writer, 404, "There is no such job."],
		[`POST /spaces/acme/jobs/${ids.default?.job}/complete`, writer, 404, "There is no such job."],
		[`POST /spaces/acme/jobs/${ids.acme?.job}/complete`, writer, 415, undefined],
		["PATCH /spaces/nowhere", wrong, 401, undefined],
		["PATCH /spaces/nowhere", headersOf("owner"), 404, "There is no such space."],
		["PATCH /spaces/acme", writer, 403, undefined],
		["PATCH /spaces/acme", headersOf("owner"), 428, undefined],
		["PATCH /spaces/acme", { ...headersOf("owner"), "if-match": '"x"' }, 412, undefined],
		["PATCH /spaces/acme", { ...headersOf("owner"), "if-match": "*" }, 415, undefined],
		["POST /spaces/nowhere/members", headersOf("owner"), 404, "There is no such space."],
		["POST /spaces/acme/members", writer, 403, undefined],
		["POST /spaces/acme/members", headersOf("owner"), 415, undefined],
	] as const)("%s", async (line, headers, status, message) => {
		const answer = await ask(server, line as Line, { headers, ...text });
		expect([answer.status, message && errorOf(answer).message]).toEqual([status, message]);
	});

	test("the limit comes before everything else, and counts a space that is not there like any other path", async () => {
		const limited = await startServer({ DATABASE_URL: "sqlite://:memory:", RATE_LIMIT: "3/hour" });
		// The login has counted.
		for (const [line, status] of [
			["GET /spaces/invented/collab/state/tasks", 401],
			["GET /spaces/another/collab/nothing", 404],
			["GET /spaces/invented/collab/state/tasks", 429],
			["GET /spaces/a-third/jobs", 429],
			["GET /collab/state/tasks", 429],
		] as const) {
			const answer = await ask(limited, line);
			expect([line, answer.status]).toEqual([line, status]);
			expect(answer.headers.get("ratelimit-policy")).toBe('"default";q=3;w=3600');
		}
	});
});

for (const { name, newUrl } of everyDatabase) {
	for (const reads of ["public", "login"] as const) {
		describe(`who may do what, with READS=${reads} on ${name}`, async () => {
			const { server, ids, credentials } = await filled({ READS: reads, DATABASE_URL: await newUrl() });
			const { document } = await documentOf(server);
			const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
				Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
			);

			test("the table names every operation of the document, and no other", () => {
				expect(Object.keys(operations).sort()).toEqual(documented.sort());
			});

			test.each(documented)("%s", async (line) => {
				const operation = operations[line];
				if (operation === undefined) throw new Error(`the table does not name ${line}`);
				const [method = "", documentPath = ""] = line.split(" ");
				for (const { prefix, space } of placesOf(documentPath)) {
					const path = (operation.path ?? documentPath)
						.replace("{space}", space)
						.replace("{task}", (ids[space] ?? ids.default)?.task ?? "")
						.replace("{job}", (ids[space] ?? ids.default)?.job ?? "");
					const asked = Object.entries(credentials).map(async ([who, credential]) => {
						const { headers } = credential;
						const { body } = operation;
						const answer = await ask(server, `${method} /${(prefix + path).slice(1)}`, { headers, body });
						const status = expectedStatus(operation, credential, path, space, reads === "public");
						const { type, message } = answer.status >= 400 ? errorOf(answer) : {};
						const what = [who, prefix + path];
						const isSaid = message === "There is no such space.";
						const isOfSpace = status === 404 && (operation.through !== 404 || isSaid);
						return [
							[...what, answer.status, answer.headers.get("www-authenticate"), type, isSaid],
							[...what, status, status === 401 ? "Bearer" : null, types[status] ?? type, isOfSpace],
						] as const;
					});
					for (const [answered, expected] of await Promise.all(asked)) expect(answered).toEqual(expected);
				}
			});
		});
	}
}
