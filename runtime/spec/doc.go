// Package spec is the plain data that the parts of the runtime hand to each other. It imports nothing of ours.
package spec
