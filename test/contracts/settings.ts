import { describe, expect, test } from "bun:test";
import type { Storage } from "../../src/storage/storage.ts";

/** The contract of settings on every database. `open` returns an empty storage. */
export function settingStoreContract(open: () => Promise<Storage>): void {
	describe("settings", () => {
		test("a value is made once and kept, separately for each name", async () => {
			const { settings } = await open();
			let made = 0;
			const make = () => `value ${++made}`;
			expect(await settings.getOrMake("a", make)).toBe("value 1");
			expect(await settings.getOrMake("a", make)).toBe("value 1");
			expect(await settings.getOrMake("b", make)).toBe("value 2");
			expect(made).toBe(2);
		});

		test("when several callers make it at once, all get the same value", async () => {
			const { settings } = await open();
			const values = await Promise.all(
				Array.from({ length: 20 }, (_, index) => settings.getOrMake("secret", () => `by ${index}`)),
			);
			expect(new Set(values).size).toBe(1);
			expect(await settings.getOrMake("secret", () => "later")).toBe(values[0] ?? "");
		});
	});
}
