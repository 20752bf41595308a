//! Identity, phases and static checks of orders.
