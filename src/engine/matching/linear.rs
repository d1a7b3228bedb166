//! Systems of linear equations, small and dense.

/// Solves a symmetric positive system by Cholesky's decomposition.
pub(super) fn solve(mut matrix: Vec<f64>, mut vector: Vec<f64>, size: usize) -> Vec<f64> {
    for column in 0..size {
        for before in 0..column {
            let factor = matrix[column * size + before];
            for row in column..size {
                matrix[row * size + column] -= factor * matrix[row * size + before];
            }
        }
        let root = matrix[column * size + column].max(1e-12).sqrt();
        for row in column..size {
            matrix[row * size + column] /= root;
        }
    }
    for row in 0..size {
        for before in 0..row {
            vector[row] -= matrix[row * size + before] * vector[before];
        }
        vector[row] /= matrix[row * size + row];
    }
    for row in (0..size).rev() {
        for after in row + 1..size {
            vector[row] -= matrix[after * size + row] * vector[after];
        }
        vector[row] /= matrix[row * size + row];
    }
    vector
}

#[cfg(test)]
mod tests {
    use super::solve;

    #[test]
    fn a_small_system_is_solved() {
        let solution = solve(vec![4.0, 2.0, 2.0, 3.0], vec![10.0, 8.0], 2);
        assert!((solution[0] - 1.75).abs() < 1e-12 && (solution[1] - 1.5).abs() < 1e-12, "{solution:?}");
    }
}
