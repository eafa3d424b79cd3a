/**
 * `next` of a value: at once where the value is there, else when it comes. For what is asked for with every request and
 * nearly always there: a promise more shows in the throughput.
 */
export function whenResolved<T, U>(
	value: T | Promise<T>,
	next: (value: T) => U | Promise<U>,
): U | Promise<U> {
	return value instanceof Promise ? value.then(next) : next(value);
}
