CREATE TABLE "job_counts" (
	"queue" text PRIMARY KEY NOT NULL,
	"cancelled" bigint NOT NULL,
	"dead" bigint NOT NULL,
	"leased" bigint NOT NULL,
	"queued" bigint NOT NULL,
	"scheduled" bigint NOT NULL,
	"succeeded" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "jobs" (
	"id" uuid PRIMARY KEY NOT NULL,
	"queue" text NOT NULL,
	"kind" text NOT NULL,
	"payload" text NOT NULL,
	"priority" integer NOT NULL,
	"state" text NOT NULL,
	"attempt" integer NOT NULL,
	"max_attempts" integer NOT NULL,
	"fence" bigint NOT NULL,
	"settled_fence" bigint,
	"run_at" bigint NOT NULL,
	"unique_key" text,
	"worker" text,
	"lease_expires_at" bigint,
	"lease_seconds" integer,
	"progress" double precision,
	"result" text,
	"error" text,
	"created_at" bigint NOT NULL,
	"updated_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE INDEX "jobs_leasable" ON "jobs" USING btree ("queue","priority" DESC NULLS FIRST,"run_at","id") WHERE state = 'queued';--> statement-breakpoint
CREATE INDEX "jobs_oldest" ON "jobs" USING btree ("queue","run_at") WHERE state = 'queued';--> statement-breakpoint
CREATE INDEX "jobs_due" ON "jobs" USING btree ("run_at") WHERE state = 'scheduled';--> statement-breakpoint
CREATE INDEX "jobs_expiring" ON "jobs" USING btree ("lease_expires_at") WHERE state = 'leased';--> statement-breakpoint
CREATE INDEX "jobs_ended" ON "jobs" USING btree ("updated_at") WHERE state IN ('cancelled', 'dead', 'succeeded');--> statement-breakpoint
CREATE UNIQUE INDEX "jobs_unfinished_key" ON "jobs" USING btree ("queue","unique_key") WHERE unique_key IS NOT NULL AND state IN ('leased', 'queued', 'scheduled');--> statement-breakpoint
CREATE INDEX "jobs_by_queue" ON "jobs" USING btree ("queue","id");--> statement-breakpoint
CREATE INDEX "jobs_by_kind" ON "jobs" USING btree ("kind","id");--> statement-breakpoint
CREATE INDEX "jobs_by_state" ON "jobs" USING btree ("state","id");