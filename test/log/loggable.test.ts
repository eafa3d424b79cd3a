import { describe, expect, test } from "bun:test";
import { DrizzleQueryError } from "drizzle-orm";
import { AppError } from "../../src/kernel/errors.ts";
import { loggable } from "../../src/kernel/loggable.ts";

const secret = "submitted-secret";

/** What each of these throws has the submitted text in its message. */
const repeating: Readonly<Record<string, () => unknown>> = {
	"a text that is no JSON": () => JSON.parse(`{${secret}`),
	"a URL that is none": () => new URL(secret),
	"a header that is none": () => new Headers({ [`${secret} x`]: "1" }),
	"a regular expression that is none": () => new RegExp(`(${secret}`),
	"an integer that is none": () => BigInt(secret),
};

describe("what of an error may be logged", () => {
	test.each(Object.entries(repeating))("has nothing of %s", (_, act) => {
		let thrown: unknown;
		try {
			act();
		} catch (error) {
			thrown = error;
		}
		expect(thrown).toBeInstanceOf(Error);
		const logged = JSON.stringify([loggable(thrown), loggable(new Error("ours", { cause: thrown }))]);
		expect(logged).not.toContain(secret);
		expect(logged).toContain("loggable.test.ts:");
	});

	test("has frames alone of a stack, also where the message looks like one", () => {
		const error = new TypeError(`${secret}\n    at ${secret} (${secret}.ts:1:1)\n`);
		expect(JSON.stringify(loggable(error))).not.toContain(secret);
		expect(loggable(error).stack).toMatch(/^ {4}at .*loggable\.test\.ts:\d+:\d+/);
	});

	test("is the driver's error where drizzle wraps it, and never the query's parameters", () => {
		const driver = Object.assign(new Error(`Key (email)=(${secret}) exists`), { code: "23505" });
		const logged = loggable(new DrizzleQueryError("select $1", [secret], driver));
		expect(logged).toMatchObject({ name: "Error", code: "23505" });
		expect(JSON.stringify([logged, loggable(new DrizzleQueryError("select $1", [secret]))])).not.toContain(
			secret,
		);
	});

	test("has the causes, so many of them as are bounded, and what an AggregateError holds", () => {
		const circular = new Error("one");
		circular.cause = new AggregateError([circular, new AppError("conflict", "It is there.")], secret);
		const logged = loggable(circular);
		expect(logged).toMatchObject({
			message: "one",
			cause: { name: "AggregateError", errors: [{ message: "one" }, { message: "It is there." }] },
		});
		expect(JSON.stringify(logged)).not.toContain(secret);
	});
});
