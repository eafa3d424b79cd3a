import { afterAll } from "bun:test";
import { tearDown } from "./teardown.ts";

// All test databases are dropped here: five seconds can be too short for many.
afterAll(tearDown, 60_000);
