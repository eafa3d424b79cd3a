DROP INDEX "jobs_leasable";--> statement-breakpoint
DROP INDEX "jobs_oldest";--> statement-breakpoint
DROP INDEX "jobs_unfinished_key";--> statement-breakpoint
DROP INDEX "jobs_by_queue";--> statement-breakpoint
DROP INDEX "jobs_by_kind";--> statement-breakpoint
DROP INDEX "jobs_by_state";--> statement-breakpoint
ALTER TABLE "events" ADD COLUMN "space" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "revisions" ADD COLUMN "space" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "revisions" DROP CONSTRAINT "revisions_pkey";--> statement-breakpoint
ALTER TABLE "revisions" ADD CONSTRAINT "revisions_space_collection_pk" PRIMARY KEY("space","collection");--> statement-breakpoint
ALTER TABLE "job_counts" ADD COLUMN "space" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "job_counts" DROP CONSTRAINT "job_counts_pkey";--> statement-breakpoint
ALTER TABLE "job_counts" ADD CONSTRAINT "job_counts_space_queue_pk" PRIMARY KEY("space","queue");--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "space" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "tasks" ADD COLUMN "space" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
CREATE INDEX "jobs_in_space" ON "jobs" USING btree ("space","id");--> statement-breakpoint
CREATE INDEX "jobs_leasable" ON "jobs" USING btree ("space","queue","priority" DESC NULLS FIRST,"run_at","id") WHERE state = 'queued';--> statement-breakpoint
CREATE INDEX "jobs_oldest" ON "jobs" USING btree ("space","queue","run_at") WHERE state = 'queued';--> statement-breakpoint
CREATE UNIQUE INDEX "jobs_unfinished_key" ON "jobs" USING btree ("space","queue","unique_key") WHERE unique_key IS NOT NULL AND state IN ('leased', 'queued', 'scheduled');--> statement-breakpoint
CREATE INDEX "jobs_by_queue" ON "jobs" USING btree ("space","queue","id");--> statement-breakpoint
CREATE INDEX "jobs_by_kind" ON "jobs" USING btree ("space","kind","id");--> statement-breakpoint
CREATE INDEX "jobs_by_state" ON "jobs" USING btree ("space","state","id");
