//! What a catalogue must hold to be taken.
