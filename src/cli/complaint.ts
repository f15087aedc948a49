/** Something the operator can put right; the message is the sentence that says what. */
export class Complaint extends Error {}
