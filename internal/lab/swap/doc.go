// Package swap changes the model under load, and shows that nobody who asks notices: with the real front and the real engine.
package swap
