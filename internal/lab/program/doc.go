// Package program compiles and runs programs of the host for the lab, with their output in the error when they fail.
package program
