package envfile

// defaultMode is the mode of a file whose block says none.
const defaultMode = "0640"
