import { describeCrowd } from "../support/claims-crowd.ts";

/** Those of test/faults are five times as many. */
describeCrowd(1000, 120_000);
