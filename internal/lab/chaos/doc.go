// Package chaos has no code of its own: its tests take the server through what may befall it while a hundred clients ask at once.
// Engines are killed, abort and hang, the model's file is taken away, the front is killed and told to end; and each client has to
// get the text that it would have had alone.
package chaos
