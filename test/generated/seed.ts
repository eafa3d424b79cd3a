import fc from "fast-check";

/**
 * Generated tests, with random sequences and requests. The seed is printed, and fast-check shrinks what fails; TEST_SEED
 * repeats a run. Chosen cases are in test/api, readers and writers of the log in test/api/events-property.
 */
const seed = Number(Bun.env.TEST_SEED ?? crypto.getRandomValues(new Int32Array(1))[0]);

/** Checks a property with random values, until its runs or its time are over. */
export async function hold<T>(
	name: string,
	values: fc.Arbitrary<T>,
	property: (value: T) => Promise<void>,
	numRuns: number,
): Promise<void> {
	console.log(`TEST_SEED=${seed} (${name})`);
	await fc.assert(fc.asyncProperty(values, property), {
		seed,
		numRuns,
		interruptAfterTimeLimit: secondsMax * 1000,
	});
}

/** On a slow machine fewer values are tried, and the suite takes no longer. */
const secondsMax = 6;
