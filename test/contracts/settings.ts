import { describe, expect, test } from "bun:test";
import type { Storage } from "../../src/storage/storage.ts";

/** What every database must remember. `open` gives an empty storage. */
export function settingStoreContract(open: () => Promise<Storage>): void {
	describe("settings", () => {
		test("a value is made once and kept, each name for itself", async () => {
			const { settings } = await open();
			let made = 0;
			const make = () => `value ${++made}`;
			expect(await settings.getOrMake("a", make)).toBe("value 1");
			expect(await settings.getOrMake("a", make)).toBe("value 1");
			expect(await settings.getOrMake("b", make)).toBe("value 2");
			expect(made).toBe(2);
		});

		test("of many who make it at once one wins, for all of them", async () => {
			const { settings } = await open();
			const values = await Promise.all(
				Array.from({ length: 20 }, (_, index) => settings.getOrMake("secret", () => `by ${index}`)),
			);
			expect(new Set(values).size).toBe(1);
			expect(await settings.getOrMake("secret", () => "later")).toBe(values[0] ?? "");
		});
	});
}
