/** What the transaction layer counts, as plain numbers that are read at the scrape. All since the start. */
export class TransactionCounters {
  inviteClient = 0;
  inviteServer = 0;
  nonInviteClient = 0;
  nonInviteServer = 0;
  /** Copies of requests that were absorbed or answered once more. */
  repeatedRequests = 0;
  /** Responses that no transaction waits for; they are dropped (RFC 6026 section 7.2). */
  strayResponses = 0;
  /** Client transactions that no final response came to. */
  timeouts = 0;
  transportErrors = 0;
  /** Requests answered 503 because there were too many transactions. */
  refused = 0;
}
