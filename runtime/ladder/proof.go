package ladder

// Proof is what a process that tried a library says on its standard output, as JSON. One that says nothing did not live so long.
type Proof struct {
	Device string `json:"device"`
	// Error says why the library does not work; "" if it does.
	Error string `json:"error,omitempty"`
}
