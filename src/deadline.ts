/** An answer did not come in its time. */
export class LateError extends Error {
	override readonly name = "LateError";
}

/** The answer, or a `LateError` once `milliseconds` have passed. The work itself goes on: it cannot be called back. */
export async function within<T>(milliseconds: number, answer: Promise<T>): Promise<T> {
	const { promise: late, reject } = Promise.withResolvers<never>();
	const timer = setTimeout(() => reject(new LateError(`no answer within ${milliseconds} ms`)), milliseconds);
	try {
		return await Promise.race([answer, late]);
	} finally {
		clearTimeout(timer);
	}
}
