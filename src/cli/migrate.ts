import { withStorage } from "./environment.ts";

/** Applies what is missing and says what it did. */
export async function migrate(): Promise<void> {
	const applied: string[] = [];
	await withStorage(
		async () => {},
		(name) => void applied.push(name),
	);
	for (const name of applied) console.log(`applied ${name}`);
	console.log(
		applied.length === 0 ? "The schema is up to date; nothing was to be done." : "The schema is up to date.",
	);
}
