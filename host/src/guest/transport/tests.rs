//! Races against the real agent, and against sockets that do not answer.
