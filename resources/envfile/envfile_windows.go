package envfile

// defaultMode is none: the file gets an access list of its owner, the system and the
// administrators when it is made.
const defaultMode = ""
