/** A value that nearly always is at hand. */
export type MaybePromise<T> = T | Promise<T>;

/**
 * `next` of a value: at once where the value is there, else when it comes. For what is asked for with every request and
 * nearly always there: a promise more shows in the throughput.
 */
export function whenResolved<T, U>(
	value: MaybePromise<T>,
	next: (value: T) => MaybePromise<U>,
): MaybePromise<U> {
	return value instanceof Promise ? value.then(next) : next(value);
}
